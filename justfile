# The project's everyday commands; `just` lists them.

# Lists the commands.
default:
    @just --list

# Format, lints and the tests of single crates: a minute.
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --locked -- -D warnings
    cargo test --locked --workspace --lib --bins --test door

# All tests, as README says.
test:
    cargo test --locked

# Everything that guards the project, as the server runs it.
ci:
    .ci/run

# Instruction counts of the engine, and the load measurement.
bench:
    cargo bench -p engine
    benches/load

# The picture of the status page in README.
screenshot:
    cargo build --release
    tests/clients/install
    NODE_PATH=target/clients/node_modules CHROMIUM="$(command -v chromium)" \
        node tests/clients/browser/screenshot.js target/release/edge-proxy docs/status.png
