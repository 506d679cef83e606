// net/http with a client certificate: `URL CA CERTIFICATE KEY`. Asks twice, each time on a new connection, and prints a line for
// each: status, protocol, version of TLS, ALPN, and whether the session was resumed.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
)

func main() {
	roots := x509.NewCertPool()
	pem, err := os.ReadFile(os.Args[2])
	if err != nil || !roots.AppendCertsFromPEM(pem) {
		panic("no roots")
	}
	pair, err := tls.LoadX509KeyPair(os.Args[3], os.Args[4])
	if err != nil {
		panic(err)
	}
	transport := &http.Transport{
		ForceAttemptHTTP2: true,
		TLSClientConfig: &tls.Config{
			RootCAs:            roots,
			Certificates:       []tls.Certificate{pair},
			ClientSessionCache: tls.NewLRUClientSessionCache(8),
		},
	}
	client := &http.Client{Transport: transport}
	for i := 0; i < 2; i++ {
		answer, err := client.Get(os.Args[1])
		if err != nil {
			panic(err)
		}
		io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		state := answer.TLS
		fmt.Printf("%d %s TLS %d %s resumed %t\n", answer.StatusCode, answer.Proto, state.Version, state.NegotiatedProtocol, state.DidResume)
		transport.CloseIdleConnections()
	}
}
