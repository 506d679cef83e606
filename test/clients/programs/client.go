// net/http as it comes, for what the command line names: `URL body URL body …` (an empty body: a GET). Prints a line for
// each: status, bytes, their SHA-256, and the text or the error in base64.
package main

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

func send(url, body string) (int, []byte, error) {
	var answer *http.Response
	var err error
	if body != "" {
		answer, err = http.Post(url, "text/plain", strings.NewReader(body))
	} else {
		answer, err = http.Get(url)
	}
	if err != nil {
		return 0, nil, err
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	return answer.StatusCode, content, err
}

func main() {
	for i := 1; i+1 < len(os.Args); i += 2 {
		status, content, err := send(os.Args[i], os.Args[i+1])
		text := content
		if len(text) > 2000 {
			text = text[:2000]
		}
		if err != nil {
			status, text = 0, []byte(err.Error())
		}
		fmt.Printf("%d\t%d\t%x\t%s\n", status, len(content), sha256.Sum256(content), base64.StdEncoding.EncodeToString(text))
	}
}
