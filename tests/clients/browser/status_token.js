// Opens the status page of a listener with a token, as an operator would, and prints what it shows. The arguments are
// the page's address and the token.

const { run } = require("../node/checks.js");
const { open } = require("./chromium.js");

const [, , url, token] = process.argv;

/** Types a token, and waits for what the page then shows. */
async function enter(page, token, shown) {
    await page.getByLabel("Token").fill(token);
    await page.keyboard.press("Enter");
    await page.locator(shown).waitFor();
}

async function main() {
    const { browser, page } = await open();
    await page.goto(url);
    await run({
        "without a token": async () => {
            await page.getByLabel("Token").waitFor();
            return page.locator("#content").isVisible();
        },
        "with a wrong one": async () => {
            await enter(page, "wrong", "#token-error:not(:empty)");
            return page.locator("#token-error").innerText();
        },
        "with the right one": async () => {
            await enter(page, token, "#environments tbody tr");
            await page.locator("#flags summary").first().waitFor();
            return page.locator("#state").innerText();
        },
        "after a reload": async () => {
            await page.reload();
            await page.locator("#environments tbody tr").waitFor();
            return page.getByLabel("Token").isVisible();
        },
        "when it is forgotten": async () => {
            await page.getByRole("button", { name: "Forget the token" }).click();
            await page.getByLabel("Token").waitFor();
            return page.locator("#content").isVisible();
        },
    });
    await browser.close();
}

main();
