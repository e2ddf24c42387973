#!/usr/bin/env bash
# Installs Express and its parser of multipart bodies into the folder that is named.
set -euo pipefail
mkdir -p "${1:?usage: install.sh FOLDER}"
cd "$1"
echo '{"name": "wablock-express", "private": true}' > package.json
npm install --no-audit --no-fund --silent express@4.22.3 multer@2.5.0
touch complete
