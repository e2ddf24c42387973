# wablock in a container: make release && docker build --tag wablock .
# By digest: a tag can be moved to another image. `make pins` shows the registry's digests of today; this is 3.13.15 on Debian 13.
ARG PYTHON=3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b

FROM python:${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
COPY requirements/server.txt requirements/
RUN python -m venv --without-pip /opt/wablock \
 && python -m pip --python /opt/wablock/bin/python install --require-hashes --no-deps -r requirements/server.txt
COPY dist/*.whl dist/SHA256SUMS dist/
RUN (cd dist && sha256sum --check --ignore-missing SHA256SUMS) \
 && python -m pip --python /opt/wablock/bin/python install --no-index --no-deps dist/*.whl

FROM python:${PYTHON}
# The number is fixed, so that a mounted folder and a securityContext can name it.
RUN groupadd --gid 10001 wablock \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/wablock --shell /usr/sbin/nologin wablock \
 && install --directory --owner=wablock --group=wablock --mode=0700 /var/lib/wablock /etc/wablock
COPY --from=build /opt/wablock /opt/wablock
ENV PATH=/opt/wablock/bin:$PATH \
    WABLOCK_HOST=0.0.0.0 \
    WABLOCK_PORT=8080 \
    WABLOCK_DATABASE=sqlite:////var/lib/wablock/wablock.db \
    WABLOCK_SECRET_KEY_FILE=/etc/wablock/secret.key
USER 10001:10001
# The lists, and the key to the secrets among them: two volumes, because a copy of the lists alone opens no secret.
VOLUME ["/var/lib/wablock", "/etc/wablock"]
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
ENTRYPOINT ["wablock"]
CMD ["serve"]
