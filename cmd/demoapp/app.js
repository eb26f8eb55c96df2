// A public client: no secret, PKCE (RFC 7636), tokens in this tab's session storage and nowhere else.

const element = (id) => document.getElementById(id);
const sat = (n) => new Intl.NumberFormat('en').format(n) + ' sat';
const day = (at) => new Intl.DateTimeFormat('en', { dateStyle: 'long' }).format(at);
const settings = await (await fetch('/settings.json')).json();

// The tab's session storage holds the request that is under way (pending) and what came of it (tokens).
const stored = (name) => JSON.parse(sessionStorage.getItem(name));
const store = (name, value) => sessionStorage.setItem(name, JSON.stringify(value));
const forget = (name) => sessionStorage.removeItem(name);

const base64url = (bytes) =>
  btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

async function connect() {
  const pending = { state: random(), verifier: random() };
  store('pending', pending);
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(pending.verifier));
  location.assign(settings.issuer + '/oauth/authorize?' + new URLSearchParams({
    response_type: 'code', client_id: settings.client_id, redirect_uri: settings.redirect_uri, scope: settings.scope,
    ...(settings.budget && { authorization_details: JSON.stringify([settings.budget]) }), // RFC 9396: how much it may spend
    state: pending.state, code_challenge_method: 'S256', code_challenge: base64url(new Uint8Array(digest)),
  }));
}

// comeBack takes the answer out of the address, which is then the page's own again.
async function comeBack(answer) {
  const pending = stored('pending');
  if (!pending || answer.get('state') !== pending.state) {
    say('An answer arrived that this page did not ask for. If you asked for it elsewhere, its code is in the address.');
    return;
  }
  forget('pending');
  history.replaceState(null, '', '/');
  if (answer.get('iss') !== settings.issuer) { // RFC 9207
    fail('The answer is from another server than the question went to.');
  } else if (answer.has('error')) {
    say('You did not allow it. ' + (answer.get('error_description') ?? answer.get('error')));
  } else {
    await obtain({
      grant_type: 'authorization_code', code: answer.get('code'), redirect_uri: settings.redirect_uri, code_verifier: pending.verifier,
    }).catch((e) => fail('The code could not be exchanged. ' + e.message));
  }
}

// Refused is an answer that says no. Its message is for people.
class Refused extends Error {
  constructor(status, body) {
    const unknown = status >= 500 && body.sent !== false ? ' Whether it was done is not known: look before you try again.' : '';
    super((body.error_description ?? body.message ?? 'The answer was ' + status + '.') + unknown);
    this.status = status;
    this.body = body;
  }
}

// send makes one request of the server and returns its answer's object.
async function send(method, path, options) {
  let response;
  try {
    response = await fetch(settings.issuer + path, { method, credentials: 'omit', cache: 'no-store', ...options });
  } catch {
    note(method, path, 'no answer');
    throw new Error(method === 'GET' ? 'The server does not answer.' :
      'There was no answer: whether it was done is not known. Look before you try again.');
  }
  note(method, path, response.status);
  const body = await response.json().catch(() => ({}));
  if (!response.ok) {
    throw new Refused(response.status, body);
  }
  return body;
}

const sendForm = (path, fields) =>
  send('POST', path, { body: new URLSearchParams({ ...fields, client_id: settings.client_id }) });

async function obtain(grant) {
  const answer = await sendForm('/oauth/token', grant);
  store('tokens', { access: answer.access_token, refresh: answer.refresh_token, scope: answer.scope });
}

let renewing = null; // one at a time: a refresh token is used once

function renew() {
  renewing ??= obtain({ grant_type: 'refresh_token', refresh_token: stored('tokens').refresh })
    .finally(() => { renewing = null; });
  return renewing;
}

// call makes a request with the access token, and once more with a new one where the gateway did not let the old one pass.
async function call(method, path, body) {
  const once = () => send(method, path, {
    headers: { Authorization: 'Bearer ' + stored('tokens').access, ...(body && { 'Content-Type': 'application/json' }) },
    body: body && JSON.stringify(body),
  });
  const isRefused = (e) => e instanceof Refused && e.status === 401 && e.body.sent !== true;
  try {
    return await once();
  } catch (e) {
    if (!isRefused(e)) {
      throw e;
    }
    try {
      await renew();
    } catch (refused) {
      if (refused instanceof Refused && refused.status < 500) {
        end('Access has ended. ' + e.message);
      }
      throw refused;
    }
    return await once();
  }
}

async function disconnect() {
  const tokens = stored('tokens');
  await sendForm('/oauth/revoke', { token: tokens.refresh }); // which ends everything that came of it
  let seen = 'The access token that it still had is good for nothing now.';
  try {
    const path = settings.balance ? '/balance' : settings.reads[0];
    if (path) {
      await send('GET', path, { headers: { Authorization: 'Bearer ' + tokens.access } });
      seen = 'But the access token still works: this should not be.';
    }
  } catch (e) {
    seen = 'The access token that it still had was tried once more, and refused: ' + e.message;
  }
  end('Disconnected. ' + seen);
}

// What people see.

function say(text, failed = false) {
  element('notice').textContent = text;
  element('notice').hidden = !text;
  element('notice').classList.toggle('failure', failed);
}

const fail = (text) => say(text, true);

function note(method, path, status) {
  const line = document.createElement('li');
  line.textContent = `${method} ${path} → ${status}`;
  element('sent').append(line);
}

function show() {
  const tokens = stored('tokens');
  element('disconnected').hidden = tokens !== null;
  element('connected').hidden = tokens === null;
  element('scope').textContent = tokens?.scope ?? '';
}

function end(text) {
  forget('tokens');
  for (const id of ['balance', 'budget', 'invoice-result', 'pay-result', 'read-result']) {
    element(id).textContent = '';
  }
  element('invoice').hidden = true;
  element('bolt11').value = '';
  say(text);
  show();
}

async function showBalance() {
  element('balance').textContent = sat((await call('GET', '/balance')).balance);
}

async function createInvoice() {
  const amount = element('amount').valueAsNumber;
  const made = await call('POST', '/invoices', { amount, description: element('memo').value });
  element('invoice').value = made.payment_request;
  element('invoice').hidden = false;
  element('invoice-result').textContent = `Whoever pays this invoice gives you ${sat(amount)}:`;
}

async function order() {
  const { payment_request: invoice } = await (await fetch('/shop/invoice')).json();
  element('bolt11').value = invoice;
  element('pay-result').textContent = 'The shop asks for the payment of this invoice.';
}

async function pay() {
  element('pay-result').textContent = '';
  let paid;
  try {
    paid = await call('POST', '/payments/bolt11', { invoice: element('bolt11').value.trim() });
  } catch (e) {
    throw e.body?.error === 'budget_exceeded' ? new Error(overBudget(e.body)) : e;
  }
  element('bolt11').value = '';
  element('pay-result').textContent = `Paid ${sat(paid.amount)}, and a fee of ${sat(paid.fee)}.`;
  await look();
}

// overBudget says why the gateway has not let a payment pass, and what the user can do.
function overBudget({ cost, remaining, limit, renews_at: renewsAt, most_at_once: mostAtOnce }) {
  const why = mostAtOnce !== undefined ? `you allowed at most ${sat(mostAtOnce)} for each payment` :
    `${sat(remaining)} are left of the ${sat(limit)} that you allowed`;
  return `Not paid: with its fee this could cost ${sat(cost)}, and ${why}. ` +
    (renewsAt ? `It begins anew on ${day(new Date(renewsAt))}. ` : '') + 'You can allow more where your account is.';
}

async function showBudget() {
  const { used_budget: used, held, total_budget: total, renews_at: renewsAt } = await call('GET', '/oauth/budget');
  element('budget').textContent = total === undefined ? 'You set no limit to what it may spend.' :
    `${sat(Math.max(0, total - used - held))} are left of the ${sat(total)} that it may spend` +
    (renewsAt ? ` until ${day(new Date(renewsAt * 1000))}.` : '.');
}

// on does the work once at a time, and shows what went wrong at result, or else above everything.
function on(id, event, work, result) {
  let busy = false;
  element(id).addEventListener(event, async (happened) => {
    happened.preventDefault();
    if (busy) {
      return;
    }
    busy = true;
    say('');
    const button = happened.submitter ?? element(id);
    button.disabled = true;
    try {
      await work();
    } catch (e) {
      if (stored('tokens') === null && !element('notice').hidden) {
        return; // it is said that access has ended
      }
      if (result) {
        element(result).textContent = e.message;
      } else {
        fail(e.message);
      }
    } finally {
      busy = false;
      button.disabled = false;
    }
  });
}

for (const path of settings.reads) {
  const button = document.createElement('button');
  button.type = 'button';
  button.id = 'read-' + path;
  button.textContent = 'GET ' + path;
  element('reads').append(button);
  on(button.id, 'click', async () => {
    element('read-result').textContent = '';
    element('read-result').textContent = JSON.stringify(await call('GET', path), null, 2);
  }, 'read-result');
}
element('hint').textContent = settings.hint;
element('balance-card').hidden = !settings.balance;
element('invoice-card').hidden = !settings.invoices;
element('pay-card').hidden = !settings.payments;
element('applications').href = settings.issuer + '/account/applications';
element('budget-row').hidden = !settings.budget;
element('order').hidden = !settings.shop;
element('reads-card').hidden = settings.reads.length === 0;
on('connect', 'click', connect);
on('refresh', 'click', showBalance);
on('invoice-form', 'submit', createInvoice, 'invoice-result');
on('order', 'click', order, 'pay-result');
on('pay-form', 'submit', pay, 'pay-result');
on('disconnect', 'click', disconnect);

// Who comes back from taking access away elsewhere sees it here.
const look = async () => {
  if (stored('tokens') !== null && settings.balance) {
    await showBalance().catch((e) => { element('balance').textContent = stored('tokens') ? e.message : ''; });
  }
  if (stored('tokens') !== null && settings.budget) {
    await showBudget().catch((e) => { element('budget').textContent = stored('tokens') ? e.message : ''; });
  }
};
document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && look());

const answer = new URLSearchParams(location.search);
if (answer.has('code') || answer.has('error')) {
  await comeBack(answer);
}
show();
await look();
document.documentElement.dataset.ready = 'true';
