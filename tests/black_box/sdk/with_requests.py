# mypy: ignore-errors
"""A client with `requests` and three faults: no second page, no body with DELETE, and repeated requests."""

import os

import requests

url = f"{os.environ['WABLOCK_URL']}/v25.0/{os.environ['WABLOCK_PHONE_NUMBER_ID']}/block_users"
headers = {"Authorization": f"Bearer {os.environ['WABLOCK_TOKEN']}"}
users = [{"user": user} for user in os.environ["WABLOCK_USERS"].split(",")]
body = {"messaging_product": "whatsapp", "block_users": users}
operation = os.environ["WABLOCK_OPERATION"]
for _ in range(2):
    if operation == "list":
        answer = requests.get(url, headers=headers, timeout=5)
    elif operation == "block":
        answer = requests.post(url, headers=headers, json=body, timeout=5)
    else:
        answer = requests.delete(url, headers=headers | {"Content-Type": "application/json"}, timeout=5)
    if answer.status_code == 200:
        break
