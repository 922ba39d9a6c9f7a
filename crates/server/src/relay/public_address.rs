//! Which addresses are out on the internet. A provider's name that resolves to anything else (this machine, the private
//! network, a cloud's metadata) is not called: whoever has the name, or its DNS, would reach what only this service may.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Resolves names to public addresses only.
pub(super) struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public = public_ones(found).ok_or("the name has no public address")?;
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// Those of a name's addresses that are called. A name may have others as well: nobody tries those.
fn public_ones(found: impl Iterator<Item = SocketAddr>) -> Option<Vec<SocketAddr>> {
    let public: Vec<_> = found.filter(|found| is_public(found.ip())).collect();
    (!public.is_empty()).then_some(public)
}

/// Whether the IANA registries of special-purpose addresses (RFC 6890) leave it to the internet.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let special = match address.octets() {
        // This network; shared (RFC 6598); IETF protocols; benchmarks; reserved.
        [0 | 240..=255, ..] | [192, 0, 0, _] | [198, 18 | 19, ..] => true,
        [100, second, ..] => (64..128).contains(&second),
        _ => false,
    };
    !(special
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || address.is_multicast())
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let embedded = match segments {
        // Mapped, NAT64 and 6to4 addresses lead to the IPv4 address in them.
        [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))),
        _ => None,
    };
    match embedded {
        Some(address) => is_public_v4(address),
        // Global unicast, without what is in it for protocols (Teredo among them) and documentation.
        None => {
            segments[0] & 0xe000 == 0x2000
                && !(segments[0] == 0x2001 && (segments[1] < 0x200 || segments[1] == 0xdb8))
                && segments[0] != 0x3fff
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_out_on_the_internet_is_not_public() {
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "203.0.113.9",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "3fff::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "ff02::1",
        ] {
            assert!(!is_public(address.parse().expect("an address")), "{address}");
        }
    }

    #[test]
    fn what_is_out_there_is() {
        for address in [
            "1.1.1.1",
            "100.63.255.255",
            "100.128.0.1",
            "172.32.0.1",
            "198.20.0.1",
            "2606:4700::1111",
            "2001:4860:4860::8888",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
        ] {
            assert!(is_public(address.parse().expect("an address")), "{address}");
        }
    }

    #[test]
    fn of_a_name_that_leads_everywhere_only_its_public_addresses_are_called() {
        let found = |addresses: &[&str]| {
            let addresses: Vec<SocketAddr> = addresses
                .iter()
                .map(|text| text.parse().expect("an address"))
                .collect();
            public_ones(addresses.into_iter())
        };
        let public: SocketAddr = "1.1.1.1:0".parse().expect("an address");
        assert_eq!(
            found(&["127.0.0.1:0", "1.1.1.1:0", "[::1]:0", "10.0.0.1:0"]),
            Some(vec![public])
        );
        assert_eq!(found(&["127.0.0.1:0", "[fd12::1]:0"]), None);
        assert_eq!(found(&[]), None);
    }

    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_is_not_called() {
        drop(rustls::crypto::ring::default_provider().install_default());
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a socket's option");
        let url = format!(
            "http://localhost:{}/",
            listener.local_addr().expect("bound").port()
        );
        let client = reqwest::Client::builder().no_proxy().dns_resolver(PublicOnly);
        let called = client.build().expect("a client").get(url).send().await;
        assert!(called.is_err_and(|error| error.is_connect()));
        let arrived = listener.accept().err().map(|error| error.kind());
        assert_eq!(arrived, Some(std::io::ErrorKind::WouldBlock));
    }
}
