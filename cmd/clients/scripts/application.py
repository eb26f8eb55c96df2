"""What each application knows, and the user who is asked to visit its addresses."""
import os

import requests

os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # only where it is http://localhost
issuer, client_id, client_secret, redirect_uri = (os.environ[name] for name in ("ISSUER", "CLIENT_ID", "CLIENT_SECRET", "REDIRECT_URI"))


def visit(address):
    """Lets a new user go to an address, sign in and allow what is asked for, and returns where that leads."""
    answer = requests.post(os.environ["USER_URL"], address)
    answer.raise_for_status()
    return answer.json()["url"]


def call(token):
    """Returns the status of an API call with the token."""
    return requests.get(issuer + "/hello", headers={"Authorization": "Bearer " + token}).status_code
