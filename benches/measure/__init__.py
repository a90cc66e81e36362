"""The load measurement and the soak, run by `benches/load` and `benches/soak`. Standard library only, on Linux.

The files, lower ones first; a file imports from files above it only:

- `documents`: makes environment documents; `profiles`: the named documents that are measured, with a request body each.
- `machine`: the description, load and CPU times of this machine; `processes`: child processes that end with a block.
- `footprint`: the memory of a process.
- `connection`: a client with one connection, and the requests; `requests`: the requests of a profile, by kind.
- `stub`: the stub upstream, a process of its own; `upstream`: starts it and puts documents there.
- `servers`: starts the proxy, the ceiling, the kernel's price and nginx; `reach`: a connection to each worker.
- `runs`: one run of the load, rounds of runs, medians and quotients; `load`: runs wrk; `table`: prints a table.
- `settings`: the choices of the command line, and the loop over profiles.
- One file for each experiment: `throughput` (with `comparison`, for two builds), `encodings`, `overrides`, `scaling`,
  `memory`, `publish`, `environments`. Its first line, after `Experiment: `, is its help text.
- `command_line`: chooses experiments, runs them, and records their tables in `benches/RESULTS.md`.
- The soak: `churn` (edits, kills and misbehaving clients), `growth` (does memory grow?), `soak` (its command line).
- `tests` and `soak_tests`: tests of all this that need neither wrk nor a proxy.

A new experiment is a file with a function `measure(settings)` that prints tables, and a line in `EXPERIMENTS` of
`command_line`.
"""
