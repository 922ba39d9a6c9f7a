// A provider: oidc-provider as its authorization server, with rotation and reuse detection, and an API that takes its access
// tokens and nothing else. Whoever comes is signed in as `acme` and has consented. First line on stdout: its address.
//
// ACCESS_SECONDS: how long an access token lasts. ROTATE=off: refresh tokens stay. REDIRECT_URI: where browsers go back to.
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const { ACCESS_SECONDS = "3600", ROTATE = "on", REDIRECT_URI } = process.env;
const scopes = ["oauth", "crm.objects.contacts.read", "crm.objects.contacts.write"];
const seen = { granted: 0, refreshed: 0, refused: 0, revoked: 0, tokens: [] };
let held = []; // answers of the token address that wait for /release
let holding = false;

const server = createServer();
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const issuer = `http://127.0.0.1:${server.address().port}`;
const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "mako",
      client_secret: "s3cret-of-the-app",
      redirect_uris: [REDIRECT_URI],
      grant_types: ["authorization_code", "refresh_token"],
      token_endpoint_auth_method: "client_secret_post",
    },
  ],
  cookies: { keys: ["k"] },
  features: { devInteractions: { enabled: false }, revocation: { enabled: true } },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  issueRefreshToken: () => true,
  loadExistingGrant: async (ctx) => {
    const grant = new provider.Grant({ clientId: "mako", accountId: ctx.oidc.session.accountId });
    grant.addOIDCScope(["openid", ...scopes].join(" "));
    await grant.save();
    return grant;
  },
  pkce: { required: () => true },
  rotateRefreshToken: ROTATE === "on",
  routes: {
    authorization: "/oauth/authorize",
    token: "/oauth/2026-03/token",
    revocation: "/oauth/2026-03/token/revoke",
  },
  scopes: ["openid", ...scopes],
  ttl: { AccessToken: Number(ACCESS_SECONDS), RefreshToken: 86_400, Grant: 86_400, Session: 3_600, Interaction: 600 },
});
provider.on("grant.success", (ctx) => {
  seen[ctx.oidc.params.grant_type === "refresh_token" ? "refreshed" : "granted"] += 1;
});
provider.on("grant.error", () => (seen.refused += 1));
provider.on("grant.revoked", () => (seen.revoked += 1));
for (const kind of ["access_token", "refresh_token"]) {
  provider.on(`${kind}.issued`, (token) => seen.tokens.push(token.jti));
  provider.on(`${kind}.saved`, (token) => seen.tokens.push(token.jti));
}
// Held after the tokens are made, before the answer leaves.
provider.use(async (ctx, next) => {
  await next();
  if (holding && ctx.path === "/oauth/2026-03/token") await new Promise((release) => held.push(release));
});
const authorize = provider.callback();

function json(response, status, body) {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

server.on("request", async (request, response) => {
  const { pathname } = new URL(request.url, issuer);
  if (pathname === "/seen") return json(response, 200, { ...seen, held: held.length });
  if (pathname === "/hold" || pathname === "/release") {
    holding = pathname === "/hold";
    for (const release of held.splice(0)) release();
    return json(response, 200, {});
  }
  if (pathname.startsWith("/interaction/")) {
    await provider.interactionDetails(request, response);
    return provider.interactionFinished(request, response, { login: { accountId: "acme" } });
  }
  if (pathname.startsWith("/api/")) {
    const token = (request.headers.authorization ?? "").replace("Bearer ", "");
    const found = await provider.AccessToken.find(token);
    return json(response, found?.isValid ? 200 : 401, { valid: found?.isValid ?? false });
  }
  return authorize(request, response);
});
console.log(issuer);
