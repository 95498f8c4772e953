# Edge Annotator with CPU-only torch, as a user without rights. `docker build .`, or docker-compose.yml for everything.
# For machines with an NVIDIA GPU: --build-arg TORCH_INDEX=<an index with CUDA builds of torch>

FROM node:24-bookworm-slim AS pages
WORKDIR /src/frontend
COPY frontend/package.json frontend/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY frontend/ ./
RUN npm run build


FROM python:3.11-slim-bookworm AS install
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/annotator
ENV PATH=/opt/annotator/bin:$PATH
RUN pip install --index-url "$TORCH_INDEX" torch==2.13.0 torchvision==0.28.0
WORKDIR /src
# The requirements alone first: they change rarely and take long.
COPY pyproject.toml ./
RUN python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'], sep='\n')" > requirements.txt \
    && pip install --requirement requirements.txt
COPY README.md LICENSE hatch_build.py ./
COPY scripts scripts
COPY mlcore mlcore
COPY annotator annotator
COPY --from=pages /src/annotator/web/dist annotator/web/dist
RUN pip install --no-deps .


FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --create-home annotator && install --directory --owner=annotator --group=annotator /data
COPY --from=install /opt/annotator /opt/annotator
ENV PATH=/opt/annotator/bin:$PATH ANNOTATOR_DATA=/data PYTHONUNBUFFERED=1 MALLOC_ARENA_MAX=2
USER 10001
WORKDIR /home/annotator
VOLUME /data
EXPOSE 8000 8443
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --retries=4 CMD ["annotator", "web", "--healthy"]
ENTRYPOINT ["annotator"]
# Everything in one container; docker-compose.yml runs the parts apart.
CMD ["up", "--host", "0.0.0.0", "--no-browser"]
