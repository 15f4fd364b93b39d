// Command worker carries out the jobs of the queue and prints what came out.
package main

import (
	"fmt"

	"example.com/polyarch/go-multi/internal/queue"
)

func main() {
	for _, job := range queue.Demo() {
		fmt.Printf("%d %s\n", job.ID, queue.Do(job))
	}
}
