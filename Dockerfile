# syntax=docker/dockerfile:1
# Signet in a small image: one dynamically linked program on distroless (glibc, no shell, no package manager).
# glibc rather than a static musl build: aws-lc and the allocator are tested there, and musl's allocator is slow under
# threads. aws-lc-sys compiles its C and assembly with the compiler that this builder has; it needs neither cmake nor clang.
#
#   docker build -t signet .
#   docker run -p 8080:8080 -v ./signet.toml:/etc/signet/signet.toml:ro -v keys:/var/lib/signet/keys \
#     -v data:/var/lib/signet/data -e SIGNET_KEYS__ENCRYPTION_KEY signet

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --release --bin signet && \
    install -D target/release/signet /image/usr/local/bin/signet && \
    mkdir -p /image/var/lib/signet/keys /image/var/lib/signet/data

FROM gcr.io/distroless/cc-debian12:nonroot
LABEL org.opencontainers.image.title="signet" \
      org.opencontainers.image.description="A stateless session service: signed sessions that the client holds, and that can be taken back." \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /image/usr/local/bin/signet /usr/local/bin/signet
# The volumes start as these directories, so that the user below (distroless' nonroot) owns them.
COPY --from=build --chown=65532:65532 /image/var/lib/signet /var/lib/signet
WORKDIR /var/lib/signet
USER 65532:65532
# The default is loopback, which in a container is nobody.
ENV SIGNET_SERVER__LISTEN=0.0.0.0:8080
VOLUME ["/var/lib/signet/keys", "/var/lib/signet/data"]
EXPOSE 8080
# No HEALTHCHECK: there is no shell to run one. Probe GET /livez and GET /readyz from outside.
ENTRYPOINT ["/usr/local/bin/signet"]
CMD ["serve", "--config", "/etc/signet/signet.toml"]
