#!/usr/bin/env bash
# Installs from Debian's packages what the tests need and the machine lacks. Does nothing where nothing is missing.
set -euo pipefail

have() { command -v "$1" >/dev/null; }
have_postgres() { have initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }

missing=()
have cc || missing+=(gcc libc6-dev) # the race detector
have curl || missing+=(curl)
have node || missing+=(nodejs)
have npm || missing+=(npm)
/usr/bin/python3 -c 'import authlib, jwt, requests_oauthlib' 2>/dev/null || missing+=(python3 python3-authlib python3-jwt python3-requests-oauthlib)
/usr/bin/ruby -roauth2 -e '' 2>/dev/null || missing+=(ruby-oauth2)
have haproxy || missing+=(haproxy)
have nginx || missing+=(nginx-light)
have zsh || missing+=(zsh)
have fish || missing+=(fish)
[[ -e /usr/share/bash-completion/bash_completion ]] || missing+=(bash-completion)
have chromium || missing+=(chromium)
[[ -n ${TEST_REDIS_URL:-} ]] || have redis-server || missing+=(redis-server)
[[ -n ${TEST_POSTGRES_URL:-} ]] || have_postgres || missing+=(postgresql)
((${#missing[@]})) || exit 0

if ! have apt-get; then
	echo "make test needs ${missing[*]}: please install them" >&2
	exit 1
fi
as_root=(env DEBIAN_FRONTEND=noninteractive)
((EUID == 0)) || as_root=(sudo "${as_root[@]}")
echo "installing ${missing[*]}"
"${as_root[@]}" apt-get -qq update
"${as_root[@]}" apt-get -qq install --yes --no-install-recommends "${missing[@]}" >/dev/null
