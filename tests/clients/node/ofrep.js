// What OpenFeature's providers for Node find at the proxy whose origin is the argument: that of OFREP, and Flagsmith's
// own.

const { FlagsmithOpenFeatureProvider } = require("@openfeature/flagsmith-provider");
const { OFREPProvider } = require("@openfeature/ofrep-provider");
const { OpenFeature } = require("@openfeature/server-sdk");
const { Flagsmith } = require("flagsmith-nodejs");
const { run } = require("./checks.js");

const [, , origin] = process.argv;
const TRAITS = {
    text: { plan: "premium" },
    integer: { age: 34 },
    decimal: { distance: 0.5 },
    boolean: { tester: true },
    null: { plan: null },
};
const OF_NO_SEGMENT = { plan: "basic", age: 17, distance: 2.5, tester: false };

async function client(name, provider) {
    await OpenFeature.setProviderAndWait(name, provider);
    return OpenFeature.getClient(name);
}

function ofrep(name, header) {
    return client(name, new OFREPProvider({ baseUrl: origin, headers: [header] }));
}

const remote = ofrep("client side", ["X-API-Key", "test"]);

async function greeting(client, targetingKey, traits) {
    return (await client).getStringValue("greeting", "default", { targetingKey, ...traits });
}

async function values() {
    const client = await remote;
    return {
        greeting: await client.getStringValue("greeting", "default"),
        limit: await client.getNumberValue("limit", 0),
        dark_mode: await client.getBooleanValue("dark_mode", false),
        empty: await client.getBooleanValue("empty", false),
        beta: await client.getStringValue("beta", "default"),
        secret: await client.getStringValue("secret", "default"),
    };
}

async function byTraits() {
    const found = {};
    for (const [kind, traits] of Object.entries(TRAITS)) {
        found[kind] = await greeting(remote, "bob", traits);
    }
    return { ...found, others: await greeting(remote, "carol", OF_NO_SEGMENT) };
}

async function details() {
    const client = await remote;
    const found = await client.getStringDetails("greeting", "default", { targetingKey: "alice" });
    const { value, reason, variant, flagMetadata: metadata } = found;
    return { value, reason, variant: variant ?? null, metadata };
}

async function unknown() {
    return (await (await remote).getStringDetails("unknown", "default")).errorCode;
}

async function secret() {
    const server = await ofrep("server side", ["Authorization", "Bearer ser.test"]);
    return server.getStringValue("secret", "default");
}

async function ofFlagsmith() {
    const flagsmith = new Flagsmith({ environmentKey: "test", apiUrl: `${origin}/api/v1/` });
    const own = client("own", new FlagsmithOpenFeatureProvider(flagsmith));
    return [
        await greeting(own),
        await greeting(own, "alice"),
        await greeting(own, "bob", { traits: { plan: "premium" } }),
    ];
}

run({
    values,
    identity: () => greeting(remote, "alice"),
    traits: byTraits,
    "traits as Flagsmith's provider sends them": () => greeting(remote, "bob", { traits: { plan: "premium" } }),
    details,
    "unknown flag": unknown,
    "server-side key": secret,
    "Flagsmith's provider": ofFlagsmith,
});
