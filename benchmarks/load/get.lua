wrk.headers["Authorization"] = "Bearer wablock-bench-token"
