// Command go-http serves a page that is embedded in it.
//
// Without arguments it starts the server on a free port, asks it once, prints the answer and ends:
// the same output on every platform, which makes it a test of the image.
package main

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

//go:embed page/index.html
var page []byte

// version is set by the linker: -ldflags "-X main.version=1.2.3".
var version = "dev"

type status struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Page    string `json:"page"`
}

func handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write(page)
	})
	mux.HandleFunc("/status", func(w http.ResponseWriter, _ *http.Request) {
		sum := sha256.Sum256(page)
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(status{
			Name:    "go-http",
			Version: version,
			Page:    "sha256:" + hex.EncodeToString(sum[:]),
		})
	})
	return mux
}

// check serves on a free port and prints what the server answers to one request.
func check(out io.Writer) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler(), ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(listener)
	defer server.Close()

	client := &http.Client{Timeout: time.Minute}
	response, err := client.Get("http://" + listener.Addr().String() + "/status")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the server answered %s", response.Status)
	}
	_, err = io.Copy(out, response.Body)
	return err
}

func serve(arguments []string) error {
	flags := flag.NewFlagSet("serve", flag.ExitOnError)
	address := flags.String("listen", ":8080", "address to listen on")
	flags.Parse(arguments)
	server := &http.Server{Addr: *address, Handler: handler(), ReadHeaderTimeout: 10 * time.Second}
	log.Printf("listening on %s", *address)
	return server.ListenAndServe()
}

func main() {
	var err error
	switch command := strings.Join(os.Args[1:min(len(os.Args), 2)], ""); command {
	case "", "-check", "--check":
		err = check(os.Stdout)
	case "serve":
		err = serve(os.Args[2:])
	case "version":
		fmt.Println(version)
	default:
		err = errors.New("usage: go-http [-check | serve [-listen ADDRESS] | version]")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "go-http:", err)
		os.Exit(1)
	}
}
