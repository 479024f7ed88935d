# The program in an image of its own: docker build -t walrus . && docker run --rm -v "$PWD:/work" walrus eval ...
FROM golang:1.26-bookworm AS build
# Versions of Debian's packages follow the image's release.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends libaec-dev libhdf5-dev zlib1g-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN go build -trimpath -ldflags '-s -w' -o /walrus ./cmd/walrus

FROM debian:bookworm-slim
# Certificates, for downloads of data and weights.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --create-home --uid 1000 walrus
COPY --from=build /walrus /usr/local/bin/walrus
USER 1000
# Data and runs of the host; downloaded weights stay in HF_HOME.
WORKDIR /work
ENTRYPOINT ["walrus"]
CMD ["--help"]
