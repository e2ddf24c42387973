#!/usr/bin/env bash
# Installs the public client libraries into the folder that is named, at the versions that the scripts here speak to.
set -euo pipefail
folder=$(mkdir -p "${1:?usage: install.sh FOLDER}" && cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)

python_client() {
  [ -x "$folder/$1/bin/python" ] || python3 -m venv "$folder/$1"
  "$folder/$1/bin/python" -m pip install --quiet --disable-pip-version-check "${@:2}"
}

python_client pywa pywa==4.5.0 pytest starlette uvicorn -e "$here/../../..[server]"
python_client sdk whatsapp-cloud-api-sdk==1.0.0
python_client generated openapi-python-client==0.29.1
mkdir -p "$folder/js"
cp "$here/with_whatsapp_api_js.mjs" "$folder/js/"
cd "$folder/js"
echo '{"name": "wablock-conformance", "private": true, "type": "module"}' > package.json
npm install --no-audit --no-fund --silent whatsapp-api-js@6.3.0 @kapso/whatsapp-cloud-api@0.3.0 zod@4.6.7
mkdir -p "$folder/prism"
cd "$folder/prism"
echo '{"name": "wablock-mock", "private": true}' > package.json
npm install --no-audit --no-fund --silent @stoplight/prism-cli@5.14.2
cp "$here/install.sh" "$folder/complete"  # other versions here are installed over these
