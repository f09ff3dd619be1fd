-- DuckDB macros for a store of weir; docs/duckdb.md has examples. To load: .read docs/duckdb.sql
-- They need no extension and no network. Addresses in the store are 16 bytes, IPv4 as ::ffff:a.b.c.d.

-- All records of a store, of every kind: FROM weir('/var/lib/weir').
CREATE OR REPLACE MACRO weir(store) AS TABLE
    SELECT * FROM read_parquet(store || '/date=*/hour=*/*.parquet', hive_partitioning = true, union_by_name = true);

-- What 'weir query' means by bytes and packets: the delta, else the total, else both directions.
CREATE OR REPLACE MACRO either(a, b) AS CASE WHEN a IS NULL THEN b WHEN b IS NULL THEN a ELSE a + b END;

-- Its flows (no firewall and NAT events, no samples), with these two and the sampling rate to multiply by.
CREATE OR REPLACE MACRO weir_flows(store) AS TABLE
    SELECT * REPLACE (
            coalesce(bytes, bytes_total, either(initiator_bytes, responder_bytes)) AS bytes,
            coalesce(packets, packets_total, either(initiator_packets, responder_packets)) AS packets,
            CASE WHEN rate > 0 THEN rate ELSE 1 END AS rate)
    FROM weir(store) WHERE kind = 'flow';

-- 16 bytes as text: 192.0.2.1, 2001:db8::1 (RFC 5952).
CREATE OR REPLACE MACRO ip4_text(h) AS
    concat_ws('.', ('0x' || substr(h, 25, 2))::INT, ('0x' || substr(h, 27, 2))::INT,
                   ('0x' || substr(h, 29, 2))::INT, ('0x' || substr(h, 31, 2))::INT);
CREATE OR REPLACE MACRO ip6_groups(h) AS
    ':' || array_to_string([format('{:x}', ('0x' || substr(h, 4 * i + 1, 4))::INT) for i in range(8)], ':') || ':';
-- The longest row of zeros, the first of the longest, becomes '::'; one group alone stays.
CREATE OR REPLACE MACRO ip6_zeros(g) AS
    coalesce([repeat(':0', 8 - i) || ':' for i in range(7) if contains(g, repeat(':0', 8 - i) || ':')][1], '');
CREATE OR REPLACE MACRO ip6_cut(g, zeros) AS
    CASE WHEN zeros = '' THEN substr(g, 2, length(g) - 2)
         ELSE substr(g, 2, greatest(strpos(g, zeros) - 2, 0)) || '::'
              || rtrim(substr(g, strpos(g, zeros) + length(zeros)), ':') END;
CREATE OR REPLACE MACRO ip6_text(h) AS ip6_cut(ip6_groups(h), ip6_zeros(ip6_groups(h)));
CREATE OR REPLACE MACRO ip(a) AS
    CASE WHEN hex(a) LIKE '00000000000000000000FFFF%' THEN ip4_text(hex(a)) ELSE ip6_text(hex(a)) END;

-- Text as 16 bytes, for conditions that use the store's statistics: WHERE src_addr = addr('192.0.2.1').
CREATE OR REPLACE MACRO hex_groups(t) AS
    [lpad(g, 4, '0') for g in string_split(t, ':') if g <> ''];
CREATE OR REPLACE MACRO ip6_hex(left_part, right_part) AS
    array_to_string(hex_groups(left_part), '')
    || repeat('0', 32 - 4 * (len(hex_groups(left_part)) + len(hex_groups(right_part)))::INT)
    || array_to_string(hex_groups(right_part), '');
CREATE OR REPLACE MACRO addr(t) AS
    CASE WHEN contains(t, ':') THEN unhex(ip6_hex(split_part(t, '::', 1), split_part(t, '::', 2)))
         ELSE unhex('00000000000000000000ffff' || array_to_string(
                  [format('{:02x}', try_cast(octet AS INT)) for octet in string_split(t, '.')], '')) END;

-- Is an address in a network? ip_in(src_addr, '10.0.0.0/8'), ip_in(dst_addr, '2001:db8::/32')
CREATE OR REPLACE MACRO prefix_bits(net) AS
    split_part(net, '/', 2)::INT + CASE WHEN contains(net, ':') THEN 0 ELSE 96 END;
CREATE OR REPLACE MACRO ip_in(a, net) AS
    substr(a::BIT::VARCHAR, 1, prefix_bits(net)) = substr(addr(split_part(net, '/', 1))::BIT::VARCHAR, 1, prefix_bits(net));

-- 6 bytes as 02:00:5e:00:00:0a, and TCP flags as weir's tables show them: ...AP.SF.
CREATE OR REPLACE MACRO mac(m) AS
    CASE WHEN m IS NOT NULL THEN array_to_string([lower(substr(hex(m), 2 * i + 1, 2)) for i in range(6)], ':') END;
CREATE OR REPLACE MACRO tcp_flags_text(f) AS
    CASE WHEN f IS NOT NULL THEN array_to_string(
        [CASE WHEN f & (128 >> i) > 0 THEN substr('CEUAPRSF', i + 1, 1) ELSE '.' END for i in range(8)], '') END;
