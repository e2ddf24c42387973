// usage: go run client.go URL TOKEN CASE: one request of Go's net/http.
package main

import (
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

const users = `{"messaging_product":"whatsapp","block_users":[{"user":"+16505550101"}]}`

func main() {
	name := strings.Split(os.Args[3], "-")
	kind := strings.Join(name[2:], "-")
	var body io.Reader
	if name[1] != "GET" {
		body = strings.NewReader(users)
	}
	if kind == "chunked" {
		body = io.MultiReader(strings.NewReader(users[:20]), strings.NewReader(users[20:]))
	}
	request, err := http.NewRequest(name[1], os.Args[1], body)
	if err != nil {
		panic(err)
	}
	request.Header.Set("Authorization", "Bearer "+os.Args[2])
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if kind == "expect" {
		request.Header.Set("Expect", "100-continue")
	}
	if kind == "small" { // a map's keys go out as they are
		request.Header["x-small"] = []string{""}
	}
	request.Close = kind == "close"
	client := http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Second}}
	response, err := client.Do(request)
	if err != nil {
		panic(err)
	}
	io.Copy(io.Discard, response.Body)
	response.Body.Close()
}
