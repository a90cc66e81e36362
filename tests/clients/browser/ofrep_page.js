// What OpenFeature's OFREP provider for browsers finds at the proxy whose origin is in this page's address.

import { OFREPWebProvider } from "@openfeature/ofrep-web-provider";
import { OpenFeature, ProviderEvents } from "@openfeature/web-sdk";

const origin = location.hash.slice(1);
const TRAITS = {
    text: { plan: "premium" },
    integer: { age: 34 },
    decimal: { distance: 0.5 },
    boolean: { tester: true },
    null: { plan: null },
};
const OF_NO_SEGMENT = { plan: "basic", age: 17, distance: 2.5, tester: false };

const client = OpenFeature.getClient();
const statuses = [];

let opened;
window.EventSource = class extends EventSource {
    constructor(...stream) {
        super(...stream);
        opened = new Promise(open => this.addEventListener("open", open));
    }
};

async function watched(...request) {
    const response = await fetch(...request);
    statuses.push(response.status);
    return response;
}

const ready = OpenFeature.setProviderAndWait(
    new OFREPWebProvider({
        baseUrl: origin,
        headers: [["X-API-Key", "test"]],
        pollInterval: 0,
        // Otherwise it goes by the targeting key alone, whatever the other attributes are.
        cacheMode: "disabled",
        fetchImplementation: watched,
    })
);

async function greeting(targetingKey, traits) {
    await ready;
    await OpenFeature.setContext({ targetingKey, ...traits });
    return client.getStringValue("greeting", "default");
}

async function values() {
    await ready;
    return {
        greeting: client.getStringValue("greeting", "default"),
        limit: client.getNumberValue("limit", 0),
        dark_mode: client.getBooleanValue("dark_mode", false),
        empty: client.getBooleanValue("empty", false),
        beta: client.getStringValue("beta", "default"),
        secret: client.getStringValue("secret", "default"),
    };
}

async function byTraits() {
    const found = {};
    for (const [kind, traits] of Object.entries(TRAITS)) {
        found[kind] = await greeting("bob", traits);
    }
    return { ...found, others: await greeting("carol", OF_NO_SEGMENT) };
}

async function details() {
    await greeting("alice");
    const { value, reason, variant, flagMetadata: metadata } = client.getStringDetails("greeting", "default");
    return { value, reason, variant: variant ?? null, metadata };
}

/** The statuses of the same context twice, and of another one whose targeting key is the same. */
async function tags() {
    statuses.length = 0;
    await greeting("dave", { plan: "basic" });
    await greeting("dave", { plan: "basic" });
    return [await greeting("dave", { plan: "premium" }), statuses];
}

let changed;

/** Listens until the provider says that its flags are others. */
async function listen() {
    await greeting("frank");
    await opened;
    changed = new Promise(change => client.addHandler(ProviderEvents.ConfigurationChanged, change));
}

async function change() {
    await changed;
    return [client.getStringValue("greeting", "default"), client.providerStatus];
}

window.checks = {
    values,
    identity: () => greeting("alice"),
    traits: byTraits,
    "traits as Flagsmith's provider sends them": () => greeting("bob", { traits: { plan: "premium" } }),
    details,
    "unknown flag": () => client.getStringDetails("unknown", "default").errorCode,
    "what is known is not sent again": tags,
    stream: listen,
    "edit, and status": change,
};
