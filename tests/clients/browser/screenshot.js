// Makes the picture of the status page in README from the demonstration: `just screenshot` runs it. The arguments are
// the executable and where the picture goes.

const { spawn } = require("node:child_process");
const readline = require("node:readline");
const { chromium } = require("playwright-core");

const [, , executable, picture] = process.argv;

/** How long clients ask before the picture is made, in milliseconds: charts take a minute to fill. */
const TRAFFIC = 60_000;

/** Starts the demonstration; returns its process and the URLs that it prints. */
async function demonstrate() {
    const demo = spawn(executable, ["--demo"], {
        env: { ...process.env, WEB_CONCURRENCY: "2" },
        stdio: ["ignore", "pipe", "ignore"],
    });
    const urls = {};
    for await (const line of readline.createInterface(demo.stdout)) {
        const [, name, url] = line.match(/^ {2}(URL for SDKs|status page) +(http\S+)$/) ?? [];
        if (name) urls[name] = url;
        if (urls["status page"]) break;
    }
    return { demo, sdk: urls["URL for SDKs"], page: urls["status page"] };
}

/** Asks like a shop with customers who come and go. */
async function ask(url, until) {
    const headers = { "X-Environment-Key": "demo_production", "Content-Type": "application/json" };
    for (let turn = 0; Date.now() < until; turn += 1) {
        const traits = [{ trait_key: "plan", trait_value: turn % 3 ? "premium" : "basic" }];
        const body = JSON.stringify({ identifier: `customer ${turn}`, traits });
        const answers = [
            fetch(`${url}flags/`, { headers }),
            fetch(`${url}identities/`, { method: "POST", headers, body }),
            turn % 40 ? null : fetch(`${url}flags/?feature=unknown`, { headers }),
        ];
        await Promise.all(answers.map(async answer => (await answer)?.arrayBuffer()));
        const wave = 1 + 0.5 * Math.sin(Date.now() / 7000) + 0.3 * Math.sin(Date.now() / 1900);
        await new Promise(waited => setTimeout(waited, 10 * wave));
    }
}

async function main() {
    const { demo, sdk, page: url } = await demonstrate();
    const browser = await chromium.launch({ executablePath: process.env.CHROMIUM });
    try {
        const page = await browser.newPage({ viewport: { width: 1120, height: 980 } });
        await page.goto(url);
        await ask(sdk, Date.now() + TRAFFIC);
        await page.getByLabel("Identifier").fill("alice");
        await page.getByLabel("Trait", { exact: true }).fill("plan");
        await page.getByLabel("Value", { exact: true }).fill("premium");
        const flag = page.locator("#flags summary", { hasText: "free_shipping_from" });
        await flag.filter({ hasText: "premium_customers" }).click();
        await page.locator("h1").click();
        await page.screenshot({ path: picture });
    } finally {
        await browser.close();
        demo.kill();
    }
}

main();
