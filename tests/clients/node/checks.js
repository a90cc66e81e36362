// Prints what a client found: for each check a line with a JSON object, which the test that started this reads.

/** Runs functions, which may be asynchronous, by the names of checks; prints what each returns or throws. */
async function run(checks) {
    for (const [name, find] of Object.entries(checks)) {
        let line;
        try {
            line = { check: name, found: (await find()) ?? null };
        } catch (error) {
            line = { check: name, error: `${error.stack} ${error.cause ?? ""}` };
        }
        console.log(JSON.stringify(line));
    }
}

module.exports = { run };
