# The app, with the drive and the runs that come with Segcore. docs/serving.md says how to build and start it.
FROM python:3.12-slim AS build
RUN pip install --no-cache-dir "uv>=0.9,<1"
WORKDIR /build
# The pinned packages first: this layer is made again only when they change. torch for the processor alone is several
# GB smaller than with CUDA, and the app needs no more; `uv pip install --help` lists what TORCH may be, and an empty one
# takes what PyPI has, where the index of PyTorch can't be reached.
ARG TORCH=cpu
COPY pyproject.toml requirements.txt ./
RUN uv venv /opt/segcore \
    && uv pip install --python /opt/segcore/bin/python --no-cache ${TORCH:+--torch-backend "$TORCH"} \
    --constraint requirements.txt --requirements pyproject.toml --extra auth
COPY . .
RUN uv build --wheel --out-dir /tmp/dist \
    && uv pip install --python /opt/segcore/bin/python --no-cache --no-deps /tmp/dist/*.whl

FROM python:3.12-slim
RUN useradd --create-home --uid 1000 segcore && install --directory --owner segcore /srv/segcore
COPY --from=build /opt/segcore /opt/segcore
# BROWSER_SERVER_ADDRESS: what the log calls the app; else Streamlit asks a server outside for this machine's address.
ENV PATH=/opt/segcore/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    NO_ALBUMENTATIONS_UPDATE=1 \
    STREAMLIT_BROWSER_SERVER_ADDRESS=localhost \
    STREAMLIT_SERVER_ADDRESS=0.0.0.0 \
    STREAMLIT_SERVER_HEADLESS=true \
    STREAMLIT_SERVER_PORT=8501
USER 1000
# Mount your runs at /srv/segcore/checkpoints, read-only: the app then shows them instead of the shipped ones.
WORKDIR /srv/segcore
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
ENTRYPOINT ["segcore", "app"]
