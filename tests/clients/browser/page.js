// What Flagsmith's client for browsers finds at the proxy whose origin is in this page's address, and what it reports
// to it.

import { createFlagsmithInstance } from "@flagsmith/flagsmith";

const origin = location.hash.slice(1);
const TRAITS = {
    text: { plan: "premium" },
    integer: { age: 34 },
    decimal: { distance: 0.5 },
    boolean: { tester: true },
};
const OF_NO_SEGMENT = { plan: "basic", age: 17, distance: 2.5, tester: false };

async function client(options = {}, client = createFlagsmithInstance()) {
    await client.init({ environmentID: "test", api: `${origin}/api/v1/`, ...options });
    return client;
}

const remote = client();
const following = createFlagsmithInstance();
let see;
const edited = new Promise(resolve => (see = resolve));

async function flags() {
    const found = Object.entries((await remote).getAllFlags());
    return Object.fromEntries(found.map(([name, { enabled, value }]) => [name, [enabled, value]]));
}

async function greeting(identifier, traits, transient) {
    const client = await remote;
    await client.identify(identifier, traits, transient);
    return client.getValue("greeting");
}

async function greetingWithoutIdentifier(traits) {
    const client = await remote;
    await client.setContext({ identity: { traits } });
    return client.getValue("greeting");
}

async function byTraits() {
    const found = {};
    for (const [kind, traits] of Object.entries(TRAITS)) {
        found[kind] = await greeting("bob", traits);
    }
    return {
        ...found,
        null: await greeting("frank", { plan: null }),
        others: await greeting("carol", OF_NO_SEGMENT),
    };
}

async function analytics() {
    const counting = await client({
        enableAnalytics: true,
        applicationMetadata: { name: "shop", version: "1.2" },
        headers: { "X-Of-The-Shop": "any" },
    });
    for (const feature of ["greeting", "greeting", "greeting", "limit"]) {
        counting.hasFeature(feature);
    }
    // It does so itself, ten seconds later.
    await counting.analyticsFlags();
}

async function events() {
    const tracking = await client({ enableEvents: true, eventProcessorConfig: { eventsApiUrl: `${origin}/` } });
    tracking.trackEvent("purchase", { identifier: "bob", value: 3 });
    await tracking.flushEvents();
}

async function stream() {
    const onChange = () => {
        const greeting = following.getValue("greeting");
        if (greeting !== "hello") {
            see(greeting);
        }
    };
    // Such a client fetches when the stream tells it to, and at no other time.
    await client({ realtime: true, eventSourceUrl: `${origin}/`, onChange }, following);
}

window.checks = {
    "environment flags": flags,
    identity: () => greeting("alice"),
    "transient identity": () => greeting("dave", { plan: "premium" }, true),
    "transient trait": () => greeting("erin", { plan: { value: "premium", transient: true }, age: 17 }),
    "no identifier": () => greetingWithoutIdentifier({ plan: "premium" }),
    traits: byTraits,
    analytics,
    events,
    stream,
    edit: () => edited,
};
