/* info.c: struct tcp_info as Linux lays it out, field by field.  Offsets are the ABI's, which only
 * ever grows at the end; so this system's header may be older than the fields here. */
#include "drill/info.h"

#include <string.h>

struct field {
    const char *name;
    uint16_t at;
    uint8_t size; /* bytes; 0: `bits` from bit `shift` of one byte */
    uint8_t shift, bits;
};

static const struct field fields[] = {
    {"tcpi_state", 0, 1, 0, 0},
    {"tcpi_ca_state", 1, 1, 0, 0},
    {"tcpi_retransmits", 2, 1, 0, 0},
    {"tcpi_probes", 3, 1, 0, 0},
    {"tcpi_backoff", 4, 1, 0, 0},
    {"tcpi_options", 5, 1, 0, 0},
    {"tcpi_snd_wscale", 6, 0, 0, 4},
    {"tcpi_rcv_wscale", 6, 0, 4, 4},
    {"tcpi_delivery_rate_app_limited", 7, 0, 0, 1},
    {"tcpi_fastopen_client_fail", 7, 0, 1, 2},
    {"tcpi_rto", 8, 4, 0, 0},
    {"tcpi_ato", 12, 4, 0, 0},
    {"tcpi_snd_mss", 16, 4, 0, 0},
    {"tcpi_rcv_mss", 20, 4, 0, 0},
    {"tcpi_unacked", 24, 4, 0, 0},
    {"tcpi_sacked", 28, 4, 0, 0},
    {"tcpi_lost", 32, 4, 0, 0},
    {"tcpi_retrans", 36, 4, 0, 0},
    {"tcpi_fackets", 40, 4, 0, 0},
    {"tcpi_last_data_sent", 44, 4, 0, 0},
    {"tcpi_last_ack_sent", 48, 4, 0, 0},
    {"tcpi_last_data_recv", 52, 4, 0, 0},
    {"tcpi_last_ack_recv", 56, 4, 0, 0},
    {"tcpi_pmtu", 60, 4, 0, 0},
    {"tcpi_rcv_ssthresh", 64, 4, 0, 0},
    {"tcpi_rtt", 68, 4, 0, 0},
    {"tcpi_rttvar", 72, 4, 0, 0},
    {"tcpi_snd_ssthresh", 76, 4, 0, 0},
    {"tcpi_snd_cwnd", 80, 4, 0, 0},
    {"tcpi_advmss", 84, 4, 0, 0},
    {"tcpi_reordering", 88, 4, 0, 0},
    {"tcpi_rcv_rtt", 92, 4, 0, 0},
    {"tcpi_rcv_space", 96, 4, 0, 0},
    {"tcpi_total_retrans", 100, 4, 0, 0},
    {"tcpi_pacing_rate", 104, 8, 0, 0},
    {"tcpi_max_pacing_rate", 112, 8, 0, 0},
    {"tcpi_bytes_acked", 120, 8, 0, 0},
    {"tcpi_bytes_received", 128, 8, 0, 0},
    {"tcpi_segs_out", 136, 4, 0, 0},
    {"tcpi_segs_in", 140, 4, 0, 0},
    {"tcpi_notsent_bytes", 144, 4, 0, 0},
    {"tcpi_min_rtt", 148, 4, 0, 0},
    {"tcpi_data_segs_in", 152, 4, 0, 0},
    {"tcpi_data_segs_out", 156, 4, 0, 0},
    {"tcpi_delivery_rate", 160, 8, 0, 0},
    {"tcpi_busy_time", 168, 8, 0, 0},
    {"tcpi_rwnd_limited", 176, 8, 0, 0},
    {"tcpi_sndbuf_limited", 184, 8, 0, 0},
    {"tcpi_delivered", 192, 4, 0, 0},
    {"tcpi_delivered_ce", 196, 4, 0, 0},
    {"tcpi_bytes_sent", 200, 8, 0, 0},
    {"tcpi_bytes_retrans", 208, 8, 0, 0},
    {"tcpi_dsack_dups", 216, 4, 0, 0},
    {"tcpi_reord_seen", 220, 4, 0, 0},
    {"tcpi_rcv_ooopack", 224, 4, 0, 0},
    {"tcpi_snd_wnd", 228, 4, 0, 0},
    {"tcpi_rcv_wnd", 232, 4, 0, 0},
    {"tcpi_rehash", 236, 4, 0, 0},
    {"tcpi_total_rto", 240, 2, 0, 0},
    {"tcpi_total_rto_recoveries", 242, 2, 0, 0},
    {"tcpi_total_rto_time", 244, 4, 0, 0},
};

static const struct field *find(const char *name)
{
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (strcmp(fields[i].name, name) == 0)
            return &fields[i];
    return NULL;
}

bool flow_known(const char *name)
{
    return strcmp(name, "isn") == 0 || strcmp(name, "tsval") == 0 || strcmp(name, "port") == 0;
}

bool info_known(const char *name)
{
    return find(name) != NULL;
}

bool info_value(const char *name, const void *info, size_t n, int64_t *value)
{
    const struct field *f = find(name);
    const unsigned char *p = info;
    uint16_t v16;
    uint32_t v32;

    *value = 0;
    if (!f)
        return false;
    if (f->at + (f->size ? f->size : 1U) > n)
        return true;
    p += f->at;
    switch (f->size) {
    case 0:
        *value = *p >> f->shift & ((1 << f->bits) - 1);
        break;
    case 1:
        *value = *p;
        break;
    case 2:
        memcpy(&v16, p, sizeof v16);
        *value = v16;
        break;
    case 4:
        memcpy(&v32, p, sizeof v32);
        *value = v32;
        break;
    default:
        memcpy(value, p, sizeof *value);
    }
    return true;
}
