// An OpenID provider for the tests: node provider.mjs MODULES PORT
//
// Each start makes new keys. Clients get JWT access tokens by client credentials; what the token is like depends on the
// resource that they name. A device is let in by whoever asks for /approve?user_code=…
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { pathToFileURL } from "node:url";

const [modules, port] = process.argv.slice(2);
const entry = pathToFileURL(`${modules}/node_modules/oidc-provider/lib/index.js`);
const { Provider } = await import(entry.href);
const issuer = `http://127.0.0.1:${port}`;

const jwk = (alg, type, options) => ({
  ...generateKeyPairSync(type, options).privateKey.export({ format: "jwk" }),
  use: "sig",
  alg,
  kid: randomUUID(),
});
const keys = [
  jwk("RS256", "rsa", { modulusLength: 2048 }),
  jwk("ES384", "ec", { namedCurve: "P-384" }),
];

const resource = (audience, alg = "RS256", accessTokenTTL = 600) => ({
  scope: "use",
  audience,
  accessTokenTTL,
  accessTokenFormat: "jwt",
  jwt: { sign: { alg } },
});
const resources = {
  "urn:palisade": resource("urn:palisade"),
  "urn:other": resource("urn:other"),
  "urn:unlisted": resource("urn:palisade", "ES384"),
  "urn:long": resource("urn:palisade", "RS256", 7200),
  "urn:short": resource("urn:palisade", "RS256", 3),
};
const client = (client_id) => ({
  client_id,
  client_secret: "only-the-provider-knows",
  grant_types: ["client_credentials"],
  redirect_uris: [],
  response_types: [],
  token_endpoint_auth_method: "client_secret_post",
});
const device = "urn:ietf:params:oauth:grant-type:device_code";

const provider = new Provider(issuer, {
  jwks: { keys },
  clients: [
    client("agent-1"),
    client("agent-7"),
    client("stranger"),
    {
      client_id: "palisade-cli",
      grant_types: [device],
      redirect_uris: [],
      response_types: [],
      token_endpoint_auth_method: "none",
    },
  ],
  cookies: { keys: [randomUUID()] },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => "urn:palisade",
      useGrantedResource: () => true,
      getResourceServerInfo: (_, name) => resources[name],
    },
  },
  extraTokenClaims: (_, token) => ({
    realm: { groups: token.clientId === "stranger" ? [] : ["agents", "people"] },
    roles: ["administrator"],
  }),
  findAccount: (_, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
  ttl: { DeviceCode: 60, Grant: 600, IdToken: 600 },
});

async function approve(userCode) {
  const code = await provider.DeviceCode.findByUserCode(userCode.replace(/[^A-Za-z0-9]/g, ""));
  const grant = new provider.Grant({ accountId: "ada", clientId: code.clientId });
  grant.addOIDCScope("openid");
  grant.addResourceScope("urn:palisade", "use");
  Object.assign(code, {
    accountId: "ada",
    grantId: await grant.save(),
    scope: "openid use",
    resource: "urn:palisade",
    claims: {},
    authTime: Math.floor(Date.now() / 1000),
  });
  await code.save();
}

const answer = provider.callback();
createServer((request, response) => {
  const url = new URL(request.url, issuer);
  if (url.pathname !== "/approve") return answer(request, response);
  approve(url.searchParams.get("user_code")).then(
    () => response.end("approved"),
    (error) => response.writeHead(500).end(String(error)),
  );
}).listen(Number(port), "127.0.0.1", () => console.log("ready"));
