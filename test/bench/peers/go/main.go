// httputil.ReverseProxy that adds a static credential, its connections kept as one would in production.
// Arguments: the port to listen on, the upstream's origin, and "pooled" to reuse the copy buffers too:
// without that (the default of the library, and of most that is built on it) it allocates 32 KiB per answer.
package main

import (
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"sync"
	"time"
)

type pool struct{ sync.Pool }

func (p *pool) Get() []byte  { return *p.Pool.Get().(*[]byte) }
func (p *pool) Put(b []byte) { p.Pool.Put(&b) }

func main() {
	upstream, err := url.Parse(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Director: func(request *http.Request) {
			request.URL.Scheme = upstream.Scheme
			request.URL.Host = upstream.Host
			request.Host = upstream.Host
			request.Header.Set("Authorization", "Bearer static-token-of-the-benchmark")
		},
		Transport: &http.Transport{
			MaxIdleConns:        512,
			MaxIdleConnsPerHost: 512,
			IdleConnTimeout:     90 * time.Second,
			DisableCompression:  true,
		},
		ErrorLog: log.New(io.Discard, "", 0),
	}
	if len(os.Args) > 3 && os.Args[3] == "pooled" {
		proxy.BufferPool = &pool{sync.Pool{New: func() any { b := make([]byte, 32*1024); return &b }}}
	}
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], proxy))
}
