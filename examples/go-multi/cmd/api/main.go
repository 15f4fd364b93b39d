// Command api prints the queue as the API would hand it out.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"example.com/polyarch/go-multi/internal/queue"
)

func main() {
	if err := json.NewEncoder(os.Stdout).Encode(queue.Demo()); err != nil {
		fmt.Fprintln(os.Stderr, "api:", err)
		os.Exit(1)
	}
}
