//! Keeps texts in a database in memory, compressed, and prints what the database makes of them.

use std::error::Error;

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;

fn main() -> Result<(), Box<dyn Error>> {
    let database = Connection::open_in_memory()?;
    // The database calls back into Rust, which calls C again.
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    database.create_scalar_function("unpacked", 1, flags, |context| {
        let packed: Vec<u8> = context.get(0)?;
        let text = zstd::decode_all(&packed[..]);
        let text = text.map_err(|error| rusqlite::Error::UserFunctionError(error.into()))?;
        String::from_utf8(text).map_err(|error| rusqlite::Error::UserFunctionError(error.into()))
    })?;
    database.execute("CREATE TABLE texts (packed BLOB NOT NULL)", ())?;
    for text in std::env::args().skip(1) {
        let packed = zstd::encode_all(text.repeat(1000).as_bytes(), 3)?;
        database.execute("INSERT INTO texts VALUES (?1)", [packed])?;
    }
    let mut query = database.prepare(
        "SELECT length(unpacked(packed)), length(packed) < 100, substr(unpacked(packed), 1, 5) \
         FROM texts ORDER BY 3 DESC",
    )?;
    let rows = query.query_map((), |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, bool>(1)?, row.get::<_, String>(2)?))
    })?;
    for row in rows {
        let (length, is_small, start) = row?;
        println!("{start} {length} {is_small}");
    }
    Ok(())
}
