// GET, or POST what stands on the command line, with net/http as it comes; the body goes to stdout.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

func main() {
	var answer *http.Response
	var err error
	if len(os.Args) > 2 {
		answer, err = http.Post(os.Args[1], "text/plain", strings.NewReader(os.Args[2]))
	} else {
		answer, err = http.Get(os.Args[1])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(7)
	}
	io.Copy(os.Stdout, answer.Body)
	if answer.StatusCode != 200 {
		os.Exit(22)
	}
}
