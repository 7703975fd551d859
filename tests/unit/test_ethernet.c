/* Ethernet II and ARP, byte for byte (RFC 894, RFC 826). */
#include "unit/base_kit.h"

#include "wire/arp.h"
#include "wire/ip.h"

static const struct mac mac_a = {{0x02, 0, 0, 0, 0, 0x0a}};
static const struct mac mac_b = {{0x02, 0, 0, 0, 0, 0x0b}};

static void ethernet_header(void **state)
{
    (void)state;
    static const uint8_t want[ETH_HLEN] = {2, 0, 0, 0, 0, 0x0b, 2, 0, 0, 0, 0, 0x0a, 0x86, 0xdd};
    struct eth_hdr h = {mac_b, mac_a, ETH_IPV6};
    struct eth_hdr back;
    uint8_t p[ETH_HLEN];

    eth_build(p, &h);
    assert_memory_equal(p, want, ETH_HLEN);
    assert_true(eth_parse(p, ETH_HLEN, &back));
    assert_true(mac_eq(&back.dst, &mac_b));
    assert_true(mac_eq(&back.src, &mac_a));
    assert_int_equal(back.type, ETH_IPV6);
    for (uint32_t n = 0; n < ETH_HLEN; n++) {
        uint8_t *q = kit_exact(p, n);
        assert_false(eth_parse(q, n, &back));
        free(q);
    }
}

static void group_addresses(void **state)
{
    (void)state;
    struct mac all = MAC_BROADCAST;
    struct mac multicast = {{0x33, 0x33, 0, 0, 0, 1}};

    assert_true(mac_is_group(&all));
    assert_true(mac_is_group(&multicast));
    assert_false(mac_is_group(&mac_a));
    assert_false(mac_eq(&mac_a, &mac_b));
}

static const uint8_t request[ARP_LEN] = {
    0, 1, 8, 0, 6, 4,  0,  1,       /* Ethernet, IPv4, 6 and 4 bytes, request */
    2, 0, 0, 0, 0, 10, 10, 0, 0, 1, /* from */
    0, 0, 0, 0, 0, 0,  10, 0, 0, 2, /* for */
};

static void arp_request(void **state)
{
    (void)state;
    struct arp a;
    uint8_t p[ARP_LEN];

    assert_true(arp_parse(request, ARP_LEN, &a));
    assert_int_equal(a.op, ARP_REQUEST);
    assert_true(mac_eq(&a.sha, &mac_a));
    struct la_addr one = la_addr_v4(10, 0, 0, 1);
    struct la_addr two = la_addr_v4(10, 0, 0, 2);
    assert_true(la_addr_eq(&a.spa, &one));
    assert_true(la_addr_eq(&a.tpa, &two));
    arp_build(p, &a);
    assert_memory_equal(p, request, ARP_LEN);
}

static void arp_of_another_kind(void **state)
{
    (void)state;
    /* Each of the first eight bytes says something that another value makes foreign. */
    for (unsigned i = 0; i < 8; i++) {
        for (unsigned v = 0; v < 256; v++) {
            uint8_t p[ARP_LEN];
            struct arp a;
            memcpy(p, request, ARP_LEN);
            p[i] = (uint8_t)v;
            bool right = v == request[i] || (i == 7 && v == ARP_REPLY);
            assert_true(arp_parse(p, ARP_LEN, &a) == right);
        }
    }
}

static void arp_cut_short_or_padded(void **state)
{
    (void)state;
    uint8_t padded[46] = {0};
    struct arp a;

    for (uint32_t n = 0; n < ARP_LEN; n++) {
        uint8_t *q = kit_exact(request, n);
        assert_false(arp_parse(q, n, &a));
        free(q);
    }
    memcpy(padded, request, ARP_LEN);
    assert_true(arp_parse(padded, sizeof padded, &a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ethernet_header),
        cmocka_unit_test(group_addresses),
        cmocka_unit_test(arp_request),
        cmocka_unit_test(arp_of_another_kind),
        cmocka_unit_test(arp_cut_short_or_padded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
