//! Prints the primes below a number.

const PRIMES: &[u32] = &table::primes!(1000);

fn main() {
    let limit = std::env::args().nth(1).and_then(|limit| limit.parse().ok());
    let below = PRIMES.iter().take_while(|&&prime| prime < limit.unwrap_or(100));
    let below: Vec<String> = below.map(u32::to_string).collect();
    println!("{}", below.join(" "));
}
