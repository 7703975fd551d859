/* test_listener.c: who gets a SYN, and who may listen where. */
#include "bare_tcp.h"

static const struct la_addr any = {{0}};

static struct bare *table(void)
{
    return bare_new((struct bare_limits){1, 1, 1, 1000, 1, LA_SEC(60)});
}

static uint32_t add(struct bare *b, struct la_addr addr, uint16_t port, int16_t ifx)
{
    uint32_t i = 0;
    assert_int_equal(listener_add(&b->tcp, &addr, port, ifx, &i), 0);
    assert_int_not_equal(i, 0);
    return i;
}

static int refused(struct bare *b, struct la_addr addr, uint16_t port, int16_t ifx)
{
    uint32_t i;
    return listener_add(&b->tcp, &addr, port, ifx, &i);
}

static uint32_t find(struct bare *b, struct la_addr addr, uint16_t port, int16_t ifx)
{
    return listener_find(&b->tcp, &addr, port, ifx);
}

static struct la_addr v6(uint8_t first, uint8_t last)
{
    struct la_addr a = {{first, first == 0xfe ? 0x80 : 0x77}};
    a.b[15] = last;
    return a;
}

static void an_any_address_means_its_family(void **state)
{
    struct bare *b = table();
    uint32_t all = add(b, any, 80, -1), four = add(b, la_addr_v4(0, 0, 0, 0), 81, -1);
    (void)state;

    assert_int_equal(find(b, la_addr_v4(10, 0, 0, 1), 80, 0), all);
    assert_int_equal(find(b, v6(0xfd, 1), 80, 3), all);
    assert_int_equal(find(b, la_addr_v4(10, 0, 0, 1), 81, 0), four);
    assert_int_equal(find(b, v6(0xfd, 1), 81, 0), 0);
    assert_int_equal(find(b, la_addr_v4(10, 0, 0, 1), 82, 0), 0);
    /* ::1 is not an any, and not IPv4's */
    assert_int_equal(find(b, v6(0, 1), 81, 0), 0);
    listener_remove(&b->tcp, all);
    listener_remove(&b->tcp, four);
    assert_int_equal(find(b, la_addr_v4(10, 0, 0, 1), 80, 0), 0);
    bare_free(b);
}

/* Experiment 15: the same port at two addresses. */
static void an_address_is_its_own(void **state)
{
    struct bare *b = table();
    uint32_t one = add(b, la_addr_v4(10, 0, 0, 1), 80, -1);
    uint32_t two = add(b, la_addr_v4(10, 0, 0, 2), 80, -1);
    uint32_t six = add(b, v6(0xfd, 1), 80, -1);
    (void)state;

    assert_int_equal(find(b, la_addr_v4(10, 0, 0, 1), 80, 0), one);
    assert_int_equal(find(b, la_addr_v4(10, 0, 0, 2), 80, 0), two);
    assert_int_equal(find(b, la_addr_v4(10, 0, 0, 3), 80, 0), 0);
    assert_int_equal(find(b, v6(0xfd, 1), 80, 0), six);
    listener_remove(&b->tcp, two);
    assert_int_equal(find(b, la_addr_v4(10, 0, 0, 2), 80, 0), 0);
    assert_int_equal(find(b, la_addr_v4(10, 0, 0, 1), 80, 0), one);
    listener_remove(&b->tcp, one);
    listener_remove(&b->tcp, six);
    bare_free(b);
}

static void overlapping_ones_are_refused(void **state)
{
    struct bare *b = table();
    uint32_t one = add(b, la_addr_v4(10, 0, 0, 1), 80, -1);
    uint32_t six = add(b, v6(0xfd, 1), 81, -1);
    uint32_t four = add(b, la_addr_v4(0, 0, 0, 0), 82, -1);
    uint32_t all = add(b, any, 83, -1);
    (void)state;

    assert_int_equal(refused(b, la_addr_v4(10, 0, 0, 1), 80, -1), LA_EADDRINUSE);
    assert_int_equal(refused(b, la_addr_v4(0, 0, 0, 0), 80, -1), LA_EADDRINUSE);
    assert_int_equal(refused(b, any, 80, -1), LA_EADDRINUSE);
    assert_int_equal(refused(b, any, 81, -1), LA_EADDRINUSE);
    assert_int_equal(refused(b, la_addr_v4(10, 0, 0, 1), 82, -1), LA_EADDRINUSE);
    assert_int_equal(refused(b, any, 82, -1), LA_EADDRINUSE);
    assert_int_equal(refused(b, la_addr_v4(0, 0, 0, 0), 83, -1), LA_EADDRINUSE);
    assert_int_equal(refused(b, v6(0xfd, 1), 83, -1), LA_EADDRINUSE);
    /* What does not overlap. */
    uint32_t more[] = {add(b, la_addr_v4(0, 0, 0, 0), 81, -1), add(b, v6(0xfd, 1), 82, -1),
                       add(b, la_addr_v4(10, 0, 0, 2), 80, -1)};
    for (unsigned i = 0; i < 3; i++)
        listener_remove(&b->tcp, more[i]);
    listener_remove(&b->tcp, one);
    one = add(b, any, 80, -1); /* free again */
    listener_remove(&b->tcp, one);
    listener_remove(&b->tcp, six);
    listener_remove(&b->tcp, four);
    listener_remove(&b->tcp, all);
    bare_free(b);
}

/* A link-local address is one a link. */
static void links_tell_apart(void **state)
{
    struct bare *b = table();
    uint32_t one = add(b, v6(0xfe, 1), 80, 1), two = add(b, v6(0xfe, 1), 80, 2);
    (void)state;

    assert_int_equal(find(b, v6(0xfe, 1), 80, 1), one);
    assert_int_equal(find(b, v6(0xfe, 1), 80, 2), two);
    assert_int_equal(find(b, v6(0xfe, 1), 80, 0), 0);
    assert_int_not_equal(find(b, v6(0xfe, 1), 80, -1), 0);
    assert_int_equal(refused(b, v6(0xfe, 1), 80, -1), LA_EADDRINUSE);
    assert_int_equal(refused(b, v6(0xfe, 1), 80, 1), LA_EADDRINUSE);
    listener_remove(&b->tcp, one);
    listener_remove(&b->tcp, two);
    bare_free(b);
}

/* More listeners than buckets, out of order; generations tell old handles from new. */
static void many_ports(void **state)
{
    struct bare *b = table();
    uint32_t index[1000], i;
    (void)state;

    for (uint16_t p = 0; p < 1000; p++)
        index[p] = add(b, any, (uint16_t)(p + 1), -1);
    assert_int_equal(listener_add(&b->tcp, &any, 2000, -1, &i), LA_ENOMEM);
    for (uint16_t p = 0; p < 1000; p++)
        assert_int_equal(find(b, la_addr_v4(1, 2, 3, 4), (uint16_t)(p + 1), 0), index[p]);
    for (uint32_t n = 0; n < 1000; n++) {
        uint32_t p = n * 7 % 1000;
        uint32_t generation = listener_at(&b->tcp, index[p])->generation;
        listener_remove(&b->tcp, index[p]);
        assert_false(listener_at(&b->tcp, index[p])->open);
        assert_int_equal(find(b, la_addr_v4(1, 2, 3, 4), (uint16_t)(p + 1), 0), 0);
        uint32_t again = add(b, any, (uint16_t)(p + 1), -1);
        assert_int_equal(again, index[p]);
        assert_int_equal(listener_at(&b->tcp, again)->generation, generation + 1);
        assert_int_equal(listener_at(&b->tcp, again)->self, again);
    }
    for (uint16_t p = 0; p < 1000; p++)
        listener_remove(&b->tcp, index[p]);
    bare_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_any_address_means_its_family),
        cmocka_unit_test(an_address_is_its_own),
        cmocka_unit_test(overlapping_ones_are_refused),
        cmocka_unit_test(links_tell_apart),
        cmocka_unit_test(many_ports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
