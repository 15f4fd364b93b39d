//! A procedural macro: it runs on the machine that builds, whatever the program is for.

use proc_macro::TokenStream;

/// `primes!(100)` is an array of the primes below 100.
#[proc_macro]
pub fn primes(limit: TokenStream) -> TokenStream {
    let limit: u32 = match limit.to_string().parse() {
        Ok(limit) => limit,
        Err(_) => return r#"compile_error!("a number is wanted")"#.parse().unwrap(),
    };
    let is_prime = |number: &u32| (2..*number).all(|divisor| number % divisor != 0);
    let primes: Vec<String> = (2..limit)
        .filter(is_prime)
        .map(|prime| format!("{prime}u32"))
        .collect();
    format!("[{}]", primes.join(",")).parse().unwrap()
}
