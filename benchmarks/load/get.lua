wrk.headers["Authorization"] = "Bearer wablock-dev-token"
