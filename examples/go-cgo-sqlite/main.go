// Command go-cgo-sqlite counts rows in a database in memory, and says which SQLite did it.
package main

import (
	"database/sql"
	"fmt"
	"log"

	_ "github.com/mattn/go-sqlite3"
)

func main() {
	db, err := sql.Open("sqlite3", ":memory:")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("create table t(n integer); insert into t values (1), (2), (39)"); err != nil {
		log.Fatal(err)
	}
	var sum int
	var version string
	row := db.QueryRow("select sum(n), sqlite_version() from t")
	if err := row.Scan(&sum, &version); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("the sum is %d, says SQLite %s\n", sum, version)
}
