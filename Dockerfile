# A server of a textforge classifier, without torch. docs/service.md says how to use it.
#
#   docker build -t textforge-serve .                                 # mounts a bundle at /model
#   docker build -t my-classifier --target with-model .               # contains the bundle of the folder model/
#
# MORE names further packages: onnxruntime answers with exported bundles, polars reads tables.
ARG PYTHON=3.11-slim-bookworm

FROM python:${PYTHON} AS wheel
WORKDIR /source
COPY constraints.txt pyproject.toml README.md LICENSE ./
COPY textforge ./textforge
COPY plugins/textforge_standard ./plugins/textforge_standard
RUN PIP_CONSTRAINT=constraints.txt pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:${PYTHON} AS server
ARG MORE="onnxruntime"
COPY constraints.txt /tmp/constraints.txt
COPY --from=wheel /wheels /tmp/wheels
RUN pip install --no-cache-dir --no-deps /tmp/wheels/textforge-*.whl
RUN pip install --no-cache-dir --constraint /tmp/constraints.txt annotated-types charset-normalizer click httptools numpy orjson packaging pluggy prometheus-client pydantic pyyaml rich safetensors typing-extensions uvicorn uvloop $MORE
ENV HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 OMP_NUM_THREADS=1 TEXTFORGE_CACHE=/tmp/textforge
USER 10001:10001
WORKDIR /tmp
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/healthz', timeout=2).read()"]
ENTRYPOINT ["textforge", "serve", "--host", "0.0.0.0", "--port", "8000"]
CMD ["/model"]

FROM server AS with-model
ARG BUNDLE=model
COPY ${BUNDLE} /model

FROM server
