// What Flagsmith's client for Node finds at the proxy whose origin is the argument, and what it reports to it.

const { Flagsmith } = require("flagsmith-nodejs");
const { run } = require("./checks.js");

const [, , origin] = process.argv;
const TRAITS = {
    text: { plan: "premium" },
    integer: { age: 34 },
    decimal: { distance: 0.5 },
    boolean: { tester: true },
};
const OF_NO_SEGMENT = { plan: "basic", age: 17, distance: 2.5, tester: false };

function client(environmentKey = "test", options = {}) {
    return new Flagsmith({ environmentKey, apiUrl: `${origin}/api/v1/`, ...options });
}

async function flags(client) {
    const found = (await client.getEnvironmentFlags()).allFlags();
    return Object.fromEntries(found.map(({ featureName, enabled, value }) => [featureName, [enabled, value ?? null]]));
}

async function greeting(client, identifier, traits, transient) {
    return (await client.getIdentityFlags(identifier, traits, transient)).getFeatureValue("greeting");
}

async function byTraits(client) {
    const found = {};
    for (const [kind, traits] of Object.entries(TRAITS)) {
        found[kind] = await greeting(client, "bob", traits);
    }
    return {
        ...found,
        null: await greeting(client, "frank", { plan: null }),
        others: await greeting(client, "carol", OF_NO_SEGMENT),
    };
}

async function localEvaluation() {
    const local = client("ser.test", { enableLocalEvaluation: true });
    const found = {
        "environment flags": await flags(local),
        identity: await greeting(local, "alice"),
        traits: await byTraits(local),
    };
    await local.close();
    return found;
}

async function analytics() {
    const counting = client("test", { enableAnalytics: true });
    const found = await counting.getEnvironmentFlags();
    for (const feature of ["greeting", "greeting", "greeting", "limit"]) {
        found.isFeatureEnabled(feature);
    }
    // It does so itself, ten seconds later.
    await counting.analyticsProcessor.flush();
}

const remote = client();
run({
    "environment flags": () => flags(remote),
    identity: () => greeting(remote, "alice"),
    "transient identity": () => greeting(remote, "dave", { plan: "premium" }, true),
    "transient trait": () => greeting(remote, "erin", { plan: { value: "premium", transient: true }, age: 17 }),
    traits: () => byTraits(remote),
    "local evaluation": localEvaluation,
    analytics,
});
