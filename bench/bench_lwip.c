/* bench_lwip.c: the peer's side of `make bench`: lwIP's raw API, both ends in one stack, two
 * interfaces joined by a queue.  See bench.h for the work and lwip/lwipopts.h for the tuning.
 *
 * The wire copies no payload: lwIP's receiver rewrites headers in place, and its sender still reads
 * them, so a frame is a copied header in front of a reference to the sender's bytes. */
#include "bench.h"
#include "lwip/init.h"
#include "lwip/ip4.h"
#include "lwip/netif.h"
#include "lwip/pbuf.h"
#include "lwip/priv/memp_priv.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/tcp.h"
#include "lwip/timeouts.h"

#define QUEUE 8192U /* frames on the wire one way, a power of two */

struct end {
    struct netif netif;
    struct end *peer;
    struct pbuf *queue[QUEUE]; /* on their way to this end */
    uint32_t head, tail;
};

static struct end A, B; /* the client's, and the server's */
static ip4_addr_t addr_a, addr_b;
static uint64_t now_ns;
static uint8_t pattern[APP_CHUNK + 251], sink[APP_CHUNK];

u32_t sys_now(void)
{
    return (u32_t)(now_ns / 1000000U);
}

struct netif *bench_route(const void *dest)
{
    return ((const ip4_addr_t *)dest)->addr == addr_b.addr ? &A.netif : &B.netif;
}

/* ---- the wire ---- */

struct payload_ref {
    struct pbuf_custom c; /* first: lwIP gives it back as a pbuf */
    struct pbuf *owner;
    struct payload_ref *next;
};
static struct payload_ref refs[QUEUE * 2], *free_refs;

static void payload_free(struct pbuf *p)
{
    struct payload_ref *r = (struct payload_ref *)(void *)p;
    pbuf_free(r->owner);
    r->next = free_refs;
    free_refs = r;
}

#define HEADERS 40U /* IPv4 and TCP without options; what has options has no payload */
#define SMALL 128U  /* copied whole: cheaper than a reference */

static struct pbuf *reference(struct pbuf *p)
{
    struct pbuf *head = pbuf_alloc(PBUF_RAW, HEADERS, PBUF_POOL);
    struct payload_ref *r = free_refs;
    if (!head || !r)
        bench_die("wire: out of buffers");
    free_refs = r->next;
    memcpy(head->payload, p->payload, HEADERS);
    pbuf_ref(p);
    r->owner = p;
    r->c.custom_free_function = payload_free;
    u16_t n = (u16_t)(p->len - HEADERS);
    struct pbuf *body =
        pbuf_alloced_custom(PBUF_RAW, n, PBUF_REF, &r->c, (u8_t *)p->payload + HEADERS, n);
    pbuf_cat(head, body);
    return head;
}

static err_t wire_output(struct netif *nif, struct pbuf *p, const ip4_addr_t *dest)
{
    (void)dest;
    struct end *to = ((struct end *)nif->state)->peer;
    struct pbuf *q =
        p->tot_len <= SMALL || p->next ? pbuf_clone(PBUF_RAW, PBUF_POOL, p) : reference(p);
    if (!q || to->tail - to->head == QUEUE)
        bench_die("wire: out of buffers");
    to->queue[to->tail++ % QUEUE] = q;
    return ERR_OK;
}

/* Delivers up to `max` frames to one end; false if there were none. */
static bool wire_deliver(struct end *to, uint32_t max)
{
    uint32_t n = to->tail - to->head;
    if (n > max)
        n = max;
    for (uint32_t i = 0; i < n; i++)
        ip4_input(to->queue[to->head++ % QUEUE], &to->netif);
    return n != 0;
}

static bool wire_turn(void)
{
    bool any = wire_deliver(&B, WIRE_BATCH);
    return wire_deliver(&A, WIRE_BATCH) || any;
}

static void tick(void)
{
    now_ns = bench_now();
    sys_check_timeouts();
}

static err_t end_init(struct netif *nif)
{
    nif->output = wire_output;
    nif->mtu = BENCH_MTU;
    nif->flags = NETIF_FLAG_UP | NETIF_FLAG_LINK_UP;
    return ERR_OK;
}

static void set_up(void)
{
    now_ns = bench_now();
    lwip_init();
    for (size_t i = 0; i < sizeof refs / sizeof *refs; i++) {
        refs[i].next = free_refs;
        free_refs = &refs[i];
    }
    ip4_addr_t mask;
    IP4_ADDR(&mask, 255, 255, 255, 0);
    IP4_ADDR(&addr_a, 10, 0, 0, 1);
    IP4_ADDR(&addr_b, 10, 0, 0, 2);
    A.peer = &B;
    B.peer = &A;
    if (!netif_add(&A.netif, &addr_a, &mask, NULL, &A, end_init, ip4_input) ||
        !netif_add(&B.netif, &addr_b, &mask, NULL, &B, end_init, ip4_input))
        bench_die("netif_add");
    netif_set_up(&A.netif);
    netif_set_link_up(&A.netif);
    netif_set_up(&B.netif);
    netif_set_link_up(&B.netif);
    bench_pattern(pattern, sizeof pattern);
}

static struct tcp_pcb *must_connect(tcp_connected_fn connected)
{
    struct tcp_pcb *c = tcp_new();
    if (!c)
        bench_die("out of PCBs");
    tcp_nagle_disable(c);
    if (tcp_connect(c, &addr_b, SERVER_PORT, connected) != ERR_OK)
        bench_die("tcp_connect");
    return c;
}

static void must_listen(tcp_accept_fn accept)
{
    struct tcp_pcb *l = tcp_new();
    if (!l || tcp_bind(l, &addr_b, SERVER_PORT) != ERR_OK || !(l = tcp_listen(l)))
        bench_die("tcp_listen");
    tcp_accept(l, accept);
}

/* ---- bulk ---- */

static uint64_t bulk_received;
static bool bulk_check;

static err_t bulk_recv(void *arg, struct tcp_pcb *c, struct pbuf *p, err_t err)
{
    (void)arg;
    (void)err;
    if (!p)
        bench_die("bulk: unexpected end");
    u16_t n = pbuf_copy_partial(p, sink, p->tot_len, 0);
    if (bulk_check)
        for (u16_t i = 0; i < n; i++)
            if (sink[i] != bench_byte(bulk_received + i))
                bench_die("bulk: bytes differ");
    bulk_received += n;
    tcp_recved(c, n);
    pbuf_free(p);
    return ERR_OK;
}

static err_t bulk_accept(void *arg, struct tcp_pcb *c, err_t err)
{
    (void)arg;
    (void)err;
    tcp_recv(c, bulk_recv);
    return ERR_OK;
}

static void bulk_fill(struct tcp_pcb *c, uint64_t *sent)
{
    uint32_t room;
    while ((room = tcp_sndbuf(c)) != 0) {
        u16_t n = (u16_t)(room < APP_CHUNK ? room : APP_CHUNK);
        if (tcp_write(c, pattern + *sent % 251U, n, TCP_WRITE_FLAG_COPY) != ERR_OK)
            return;
        *sent += n;
        tcp_output(c);
    }
}

static double bulk(const struct bench_row *row, uint64_t ns)
{
    (void)row;
    must_listen(bulk_accept);
    struct tcp_pcb *c = must_connect(NULL);
    while (c->state != ESTABLISHED)
        wire_turn();
    struct bench_meter m;
    uint64_t sent = 0;
    for (int measured = 0; measured < 2; measured++) {
        bulk_check = !measured;
        bench_start(&m, measured ? ns : ns / 4);
        uint64_t from = bulk_received;
        do {
            for (int i = 0; i < 8; i++) {
                bulk_fill(c, &sent);
                wire_turn();
            }
            tick();
        } while (now_ns < m.until);
        m.work = 8 * (bulk_received - from);
    }
    return bench_rate(&m);
}

/* ---- ping-pong ---- */

static uint32_t pp_accepted;
static uint64_t pp_replies;

static uint8_t take_byte(struct tcp_pcb *c, struct pbuf *p)
{
    uint8_t byte;
    if (!p || pbuf_copy_partial(p, &byte, 1, 0) != 1)
        bench_die("ping-pong: unexpected end");
    tcp_recved(c, 1);
    pbuf_free(p);
    return byte;
}

static void put_byte(struct tcp_pcb *c, uint8_t byte)
{
    if (tcp_write(c, &byte, 1, TCP_WRITE_FLAG_COPY) != ERR_OK)
        bench_die("tcp_write");
}

static err_t pp_server_recv(void *arg, struct tcp_pcb *c, struct pbuf *p, err_t err)
{
    (void)arg;
    (void)err;
    put_byte(c, take_byte(c, p));
    return ERR_OK; /* tcp_input sends it */
}

static err_t pp_client_recv(void *arg, struct tcp_pcb *c, struct pbuf *p, err_t err)
{
    (void)arg;
    (void)err;
    if (take_byte(c, p) != (uint8_t)pp_replies)
        bench_die("ping-pong: bytes differ");
    pp_replies++;
    return ERR_OK;
}

static err_t pp_accept(void *arg, struct tcp_pcb *c, err_t err)
{
    (void)arg;
    (void)err;
    tcp_nagle_disable(c);
    tcp_recv(c, pp_server_recv);
    pp_accepted++;
    return ERR_OK;
}

static struct tcp_pcb **open_many(uint32_t n)
{
    struct tcp_pcb **conns = calloc(n, sizeof(struct tcp_pcb *));
    if (!conns)
        bench_die("out of memory");
    must_listen(pp_accept);
    for (uint32_t i = 0; i < n; i++) {
        conns[i] = must_connect(NULL);
        tcp_recv(conns[i], pp_client_recv);
        while (pp_accepted <= i || conns[i]->state != ESTABLISHED)
            wire_turn();
    }
    return conns;
}

static double pingpong(const struct bench_row *row, uint64_t ns)
{
    struct tcp_pcb **conns = open_many(row->conns);
    struct bench_meter m;
    uint64_t x = 88172645463325252U;
    uint32_t between = row->conns > 100 ? 8 : 256; /* round trips between two looks at the clock */
    for (int measured = 0; measured < 2; measured++) {
        bench_start(&m, measured ? ns : ns / 4);
        do {
            for (uint32_t i = 0; i < between; i++) {
                struct tcp_pcb *c = conns[row->conns == 1 ? 0 : bench_random(&x, row->conns)];
                uint64_t until = pp_replies + 1;
                put_byte(c, (uint8_t)pp_replies);
                tcp_output(c);
                while (pp_replies != until)
                    wire_turn();
            }
            m.work += between;
            tick();
        } while (now_ns < m.until);
    }
    free(conns);
    return bench_rate(&m);
}

/* ---- connect, one byte, close ---- */

static bool churn_done;

static err_t churn_server_recv(void *arg, struct tcp_pcb *c, struct pbuf *p, err_t err)
{
    (void)arg;
    (void)err;
    if (p) {
        if (take_byte(c, p) != 42)
            bench_die("churn: bytes differ");
    } else {
        if (tcp_close(c) != ERR_OK)
            bench_die("tcp_close");
    }
    return ERR_OK;
}

static err_t churn_accept(void *arg, struct tcp_pcb *c, err_t err)
{
    (void)arg;
    (void)err;
    tcp_recv(c, churn_server_recv);
    return ERR_OK;
}

static err_t churn_client_recv(void *arg, struct tcp_pcb *c, struct pbuf *p, err_t err)
{
    (void)arg;
    (void)c;
    (void)err;
    if (p)
        bench_die("churn: unexpected bytes");
    churn_done = true; /* the server's FIN: TIME-WAIT begins */
    return ERR_OK;
}

static err_t churn_connected(void *arg, struct tcp_pcb *c, err_t err)
{
    (void)arg;
    (void)err;
    tcp_recv(c, churn_client_recv);
    put_byte(c, 42);
    if (tcp_close(c) != ERR_OK)
        bench_die("tcp_close");
    return ERR_OK;
}

/* One connection's life, up to the server's last ACK. */
static void churn_one(void)
{
    must_connect(churn_connected);
    while (wire_turn())
        ;
}

/* How many PCBs may be; the rest of the pool is set aside. */
static void limit_pcbs(uint32_t n)
{
    for (uint32_t spare = MEMP_NUM_TCP_PCB - n; spare != 0; spare--)
        if (!memp_malloc(MEMP_TCP_PCB))
            bench_die("memp_malloc");
}

static double churn(const struct bench_row *row, uint64_t ns)
{
    must_listen(churn_accept);
    limit_pcbs(row->conns);
    for (uint32_t i = 0; i < row->conns + 64; i++) {
        churn_one();
        tick();
    }
    struct bench_meter m;
    uint32_t between = row->conns > 1000 ? 1 : 32;
    bench_start(&m, ns);
    do {
        for (uint32_t i = 0; i < between; i++)
            churn_one();
        m.work += between;
        tick();
    } while (now_ns < m.until);
    uint32_t waiting = 0;
    for (struct tcp_pcb *p = tcp_tw_pcbs; p; p = p->next)
        waiting++;
    if (waiting + 4 < row->conns)
        bench_die("churn: TIME-WAIT is not as full as the row says");
    return bench_rate(&m);
}

int main(int argc, char **argv)
{
    const struct bench_row *row;
    uint64_t ns;
    bench_args(argc, argv, &row, &ns);
    if (row->mtu != BENCH_MTU || row->window != BENCH_WINDOW)
        bench_die("this row needs another build (BENCH_MTU, BENCH_WINDOW)");
    set_up();
    double result = 0;
    switch (row->kind) {
    case BENCH_BULK:
        result = bulk(row, ns);
        break;
    case BENCH_PINGPONG:
        result = pingpong(row, ns);
        break;
    case BENCH_CHURN:
        result = churn(row, ns);
        break;
    case BENCH_MEM_CONN: /* lwIP uses a whole PCB for both, and nothing beside it */
    case BENCH_MEM_TW:
        result = memp_pools[MEMP_TCP_PCB]->size;
        break;
    }
    printf("%.0f\n", result);
    return 0;
}
