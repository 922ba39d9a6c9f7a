"""Who takes part in a run: two tenants and a stranger, each with rows that can be told from the others'."""

import base64
import hashlib
import hmac
import json
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

LISTS = [
    "leads", "contacts", "call-logs", "automation-logs", "api-keys", "phone-numbers", "webhook-endpoints",
    "webhook-events", "access-tokens", "event-subscriptions", "event-deliveries",
]  # fmt: skip

# What the service itself changes while somebody else asks: it goes on sending.
CHANGING = {
    "event-subscriptions": ["status", "disabled_reason", "failing_since"],
    "event-deliveries": ["status", "attempts", "last_error", "next_attempt_at", "finished_at"],
}


def call(dev, token, method, path, body=None, headers=None):
    """The answer's JSON; anything but success is an error."""
    request = urllib.request.Request(urllib.parse.urljoin(dev["api_url"], path), method=method)
    for name, value in (headers or {}).items():
        request.add_header(name, value)
    if token:
        request.add_header("Authorization", "Bearer " + token)
    if body is not None:
        request.add_header("Content-Type", "application/json")
        request.data = json.dumps(body).encode()
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise SystemExit(f"{method} {path}: {error.code} {error.read().decode()}") from None


def base64url(octets):
    """As in a JWT."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def stranger(dev):
    """Somebody with a good token of whom the database knows nothing."""
    user_id = str(uuid.uuid4())
    claims = {"sub": user_id, "role": "authenticated", "email": "stranger@example.com", "exp": int(time.time()) + 86400}
    signed = ".".join(base64url(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    signature = hmac.new(dev["jwt_secret"].encode(), signed.encode(), hashlib.sha256).digest()
    return {"name": "stranger", "user_id": user_id, "token": f"{signed}.{base64url(signature)}"}


def mark(dev, tenant, receiver):
    """Gives a tenant a row of every kind with a text in it that nobody else's has; the text. Events go to the receiver."""
    text = f"of-{tenant['name']}-{uuid.uuid4().hex}"

    def make(method, path, body):
        return call(dev, tenant["token"], method, f"/v1/{path}", body)

    make("POST", "leads", {"name": text, "phone": "+14017122661", "status": "new", "source": "SMS", "summary": text})
    make("POST", "contacts", {"first_name": "Ann", "last_name": text, "notes": text})
    make("POST", "call-logs", {"phone": "+14017122661", "duration": 1, "summary": text})
    make("POST", "automation-logs", {"action_type": "sms", "status": "completed", "details": text})
    make("PUT", "api-keys/hubspot", {"api_key": text})
    make("POST", "phone-numbers", {"phone": "+15005550006", "label": text})
    next_year = time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime(time.time() + 300 * 86400))
    make("POST", "access-tokens", {"name": text, "scopes": ["leads:read"], "expires_at": next_year})
    told = {"url": f"{receiver}/{text}", "description": text, "event_types": ["connection.error"]}
    make("POST", "event-subscriptions/{id}/test".format_map(make("POST", "event-subscriptions", told)), None)
    endpoint = make("PUT", "webhook-endpoints/make", {})
    event = {"event_id": text, "event_type": "lead.created", "data": {"name": text, "phone": "+14017122662"}}
    call(dev, None, "POST", urllib.parse.urlsplit(endpoint["url"]).path, event, {"x-make-apikey": endpoint["secret"]})
    return text


def rows(dev, tenant):
    """All rows of a tenant's, by list."""
    found = {}
    for name in LISTS:
        found[name], cursor = [], ""
        while cursor is not None:
            page = call(dev, tenant["token"], "GET", f"/v1/{name}{cursor}")
            found[name] += [without(row, CHANGING.get(name, [])) for row in page["data"]]
            cursor = page.get("next_cursor") and "?cursor=" + urllib.parse.quote(page["next_cursor"])
    return found


def without(row, fields):
    """A row but for these fields."""
    return {name: value for name, value in row.items() if name not in fields}


def traces(tenant, text, owned):
    """What an answer to somebody else must not hold: the mark, and whatever names one of the rows."""
    names = {text, tenant["user_id"], tenant["email"], tenant["phone"]}
    return sorted(names | {row["id"] for rows in owned.values() for row in rows if "id" in row})
