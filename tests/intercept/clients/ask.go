package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
)

func main() {
	var r *http.Response
	var err error
	if len(os.Args) > 3 {
		body, _ := os.ReadFile(os.Args[3])
		r, err = http.Post(os.Args[1], "application/json", bytes.NewReader(body))
	} else {
		r, err = http.Get(os.Args[1])
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	text, err := io.ReadAll(r.Body)
	fmt.Println(r.Status, string(text), err)
}
