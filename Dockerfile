# The image of gept, for amd64 and arm64:
#   docker build -t gept .
#   docker build -t gept --build-arg BASE=python:3.14-slim-trixie .
# The base needs Python 3.11 or newer, with venv, on Debian or another system with glibc.
ARG BASE=python:3.13-slim-trixie

FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
RUN python3 -m venv /opt/gept
COPY requirements/run.txt /build/
RUN /opt/gept/bin/pip install --require-hashes --only-binary=:all: -r /build/run.txt
COPY pyproject.toml README.md /build/
COPY src /build/src
RUN /opt/gept/bin/pip install --no-deps --no-build-isolation /build

FROM ${BASE}
RUN groupadd --gid 10001 gept \
 && useradd --uid 10001 --gid gept --no-create-home --home-dir /data --shell /usr/sbin/nologin gept \
 && install --directory --owner gept --group gept --mode 700 /data
COPY --from=build /opt/gept /opt/gept
# Only /data is written to: run it with --read-only, and --tmpfs /tmp.
ENV PATH=/opt/gept/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    BIND_ADDRESS=0.0.0.0 \
    DATA_DIR=/data
USER 10001:10001
WORKDIR /opt/gept
VOLUME /data
ENTRYPOINT ["gept"]
CMD ["up"]
