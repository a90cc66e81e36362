# syntax=docker/dockerfile:1

# One static executable in an image that holds nothing else. `.ci/image` runs it the same way without an engine.
FROM rust:1.95-slim-bookworm AS build
WORKDIR /build
COPY . .
# crt-static needs the target named, or it would apply to build scripts too.
RUN target="$(rustc -vV | sed -n 's/^host: //p')" \
    && RUSTFLAGS="-C target-feature=+crt-static" \
       cargo build --release --locked --package edge-proxy --target "$target" \
    && mkdir -p /image/etc/ssl/certs /image/app /image/var/lib/edge-proxy /image/tmp \
    && chmod 775 /image/var/lib/edge-proxy \
    && chmod 1777 /image/tmp \
    && cp "target/$target/release/edge-proxy" /image/edge-proxy \
    && cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/

FROM scratch
COPY --from=build /image/edge-proxy /edge-proxy
COPY --from=build /image/etc /etc
COPY --from=build --chown=65532:65532 /image/app /app
# Group 0 is the group of whoever has another user id: OpenShift's random one, and that of `--user 1000`.
COPY --from=build --chown=65532:0 /image/var/lib/edge-proxy /var/lib/edge-proxy
COPY --from=build /image/tmp /tmp
USER 65532:65532
WORKDIR /app
# A directory of its own below the volume: what an orchestrator mounts there usually belongs to root.
# The admin listener is on every address of the container: who may reach it, the engine or cluster decides.
ENV STATE_DIRECTORY=/var/lib/edge-proxy/state \
    WEB_CONCURRENCY=auto \
    ADMIN_HOST=*
VOLUME ["/var/lib/edge-proxy"]
EXPOSE 8000 8001
# Ready: every environment has a document and none is stale. Orchestrators that restart what is not healthy (Swarm, ECS)
# should ask `health --live` instead, because a restart mends no upstream.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["/edge-proxy", "health"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/edge-proxy"]
