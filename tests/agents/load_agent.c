/* A load agent: SNMPv2c for any number of 48-port switches in one process, for benchmarks.
 *
 * Every address of 127.0.0.0/8 is a switch of its own at one UDP port; replies come from the address
 * asked (IP_PKTINFO). Served are system, ifTable and ifXTable for GET, GETNEXT and GETBULK in
 * lexicographic order, replies capped as real agents cap them. All values follow from the address,
 * the port and sysUpTime alone, so that a reader can check every one of them:
 *
 *   counter = rate(address, row, column) * sysUpTime,  rate = mix(address, row * 64 + column) % RATE
 *
 * with mix() below and the moduli in the table of columns (modulo 2^32 or 2^64).
 * tests/agents/load_agent.py says the same in Python.
 *
 * cc -O2 -o load_agent load_agent.c
 * load_agent [--port 1161] [--ports 48] [--first 1] [--step 1] [--latency-ms 0] [--dead-percent 0]
 *            [--loss-percent 0] [--community public] [--max-size 1472]
 *
 * Prints "ready" when it listens; ends with SIGTERM or when its standard input is closed.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, LARGEST = 65507, HEADROOM = 320, MOST_BINDS = 128, MOST_ARCS = 128 };
enum { INTEGER = 0x02, OCTETS = 0x04, OID = 0x06, COUNTER32 = 0x41, GAUGE32 = 0x42,
       TIMETICKS = 0x43, COUNTER64 = 0x46, NO_INSTANCE = 0x81, END_OF_VIEW = 0x82 };
enum { GET = 0xA0, GETNEXT = 0xA1, RESPONSE = 0xA2, GETBULK = 0xA5 };
enum { FIXED, UPTIME, INDEX, NAME, RATE };  /* where a value comes from */

struct column {
    uint32_t oid[12];
    int arcs;
    int tag;
    int source;
    uint64_t number; /* FIXED: the value; RATE: the modulus of the rate */
    const char *text;
};

/* In lexicographic order. */
static const struct column SCALARS_BEFORE[] = {
    {{1, 3, 6, 1, 2, 1, 1, 1, 0}, 9, OCTETS, FIXED, 0, "Jifang load agent"},
    {{1, 3, 6, 1, 2, 1, 1, 3, 0}, 9, TIMETICKS, UPTIME, 0, 0},
    {{1, 3, 6, 1, 2, 1, 1, 5, 0}, 9, OCTETS, FIXED, 0, "load"},
    {{1, 3, 6, 1, 2, 1, 2, 1, 0}, 9, INTEGER, INDEX, 0, 0}, /* ifNumber */
};
static const struct column COLUMNS[] = {
    {{1, 3, 6, 1, 2, 1, 2, 2, 1, 1}, 10, INTEGER, INDEX, 0, 0},         /* ifIndex */
    {{1, 3, 6, 1, 2, 1, 2, 2, 1, 2}, 10, OCTETS, NAME, 0, 0},           /* ifDescr */
    {{1, 3, 6, 1, 2, 1, 2, 2, 1, 3}, 10, INTEGER, FIXED, 6, 0},         /* ifType */
    {{1, 3, 6, 1, 2, 1, 2, 2, 1, 5}, 10, GAUGE32, FIXED, 4294967295u, 0}, /* ifSpeed */
    {{1, 3, 6, 1, 2, 1, 2, 2, 1, 7}, 10, INTEGER, FIXED, 1, 0},         /* ifAdminStatus */
    {{1, 3, 6, 1, 2, 1, 2, 2, 1, 8}, 10, INTEGER, FIXED, 1, 0},         /* ifOperStatus */
    {{1, 3, 6, 1, 2, 1, 2, 2, 1, 10}, 10, COUNTER32, RATE, 1000000, 0}, /* ifInOctets */
    {{1, 3, 6, 1, 2, 1, 2, 2, 1, 13}, 10, COUNTER32, RATE, 3, 0},       /* ifInDiscards */
    {{1, 3, 6, 1, 2, 1, 2, 2, 1, 14}, 10, COUNTER32, RATE, 2, 0},       /* ifInErrors */
    {{1, 3, 6, 1, 2, 1, 2, 2, 1, 16}, 10, COUNTER32, RATE, 1000000, 0}, /* ifOutOctets */
    {{1, 3, 6, 1, 2, 1, 2, 2, 1, 19}, 10, COUNTER32, RATE, 3, 0},       /* ifOutDiscards */
    {{1, 3, 6, 1, 2, 1, 2, 2, 1, 20}, 10, COUNTER32, RATE, 2, 0},       /* ifOutErrors */
    {{1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 1}, 11, OCTETS, NAME, 0, 0},       /* ifName */
    {{1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 6}, 11, COUNTER64, RATE, 10000000, 0},  /* ifHCInOctets */
    {{1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 10}, 11, COUNTER64, RATE, 10000000, 0}, /* ifHCOutOctets */
    {{1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 15}, 11, GAUGE32, FIXED, 10000, 0}, /* ifHighSpeed */
    {{1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 18}, 11, OCTETS, FIXED, 0, ""},    /* ifAlias */
    {{1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 19}, 11, TIMETICKS, FIXED, 0, 0},  /* ifCounterDiscontinuityTime */
};
enum { COLUMN_COUNT = sizeof COLUMNS / sizeof *COLUMNS,
       SCALAR_COUNT = sizeof SCALARS_BEFORE / sizeof *SCALARS_BEFORE };

struct object {
    uint32_t oid[12];
    int arcs;
    const struct column *column;
    uint32_t row;
    unsigned char encoded[24]; /* tag, length and content of the OID */
    int octets;
};

struct bind {
    uint32_t oid[MOST_ARCS];
    int arcs;
    const unsigned char *raw; /* tag, length and content of the OID as asked */
    int octets;
};

struct request {
    int pdu;
    const unsigned char *id; /* tag, length and content */
    int id_octets;
    long first, second; /* error-status and error-index, or non-repeaters and repetitions */
    struct bind binds[MOST_BINDS];
    int count;
};

struct delayed {
    int64_t due_us;
    struct sockaddr_in peer;
    uint32_t address; /* asked, host order */
    int octets;
    unsigned char *packet;
};

static struct object *objects;
static int object_count;
static long ports = 48, first_index = 1, index_step = 1, max_size = 1472, latency_ms = 0;
static long dead_permyriad = 0, loss_permyriad = 0;
static const char *community = "public";
static int64_t started_us;
static uint32_t dice = 2463534242u;

static int64_t now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static uint32_t mix(uint32_t address, uint32_t salt) {
    uint32_t x = address * 2654435761u ^ salt * 2246822519u;
    x ^= x >> 15;
    x *= 2246822519u;
    x ^= x >> 13;
    x *= 3266489917u;
    return x ^ x >> 16;
}

static uint32_t roll(void) {
    dice ^= dice << 13;
    dice ^= dice >> 17;
    dice ^= dice << 5;
    return dice;
}

/* --- the tree */

static int put_arc(unsigned char *to, uint32_t arc) {
    int octets = 1, at;
    for (uint32_t rest = arc >> 7; rest; rest >>= 7) octets++;
    for (at = octets - 1; at >= 0; at--, arc >>= 7)
        to[at] = (unsigned char)((arc & 0x7F) | (at == octets - 1 ? 0 : 0x80));
    return octets;
}

static void add_object(const struct column *column, long row) {
    struct object *object = &objects[object_count++];
    memcpy(object->oid, column->oid, sizeof column->oid);
    object->arcs = column->arcs;
    object->column = column;
    object->row = (uint32_t)(row < 0 ? 0 : row);
    if (row >= 0) object->oid[object->arcs++] = (uint32_t)row;
    int at = 2;
    object->encoded[at++] = (unsigned char)(object->oid[0] * 40 + object->oid[1]);
    for (int arc = 2; arc < object->arcs; arc++) at += put_arc(object->encoded + at, object->oid[arc]);
    object->encoded[0] = OID;
    object->encoded[1] = (unsigned char)(at - 2);
    object->octets = at;
}

static int compare(const uint32_t *one, int arcs, const uint32_t *other, int others) {
    for (int at = 0; at < arcs && at < others; at++)
        if (one[at] != other[at]) return one[at] < other[at] ? -1 : 1;
    return arcs - others;
}

/* The first object behind an OID; object_count when there is none. */
static int behind(const uint32_t *oid, int arcs) {
    int low = 0, high = object_count;
    while (low < high) {
        int middle = (low + high) / 2;
        if (compare(objects[middle].oid, objects[middle].arcs, oid, arcs) <= 0) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* --- writing: a buffer that is filled to its end or not at all */

static int put_number(unsigned char *to, int tag, uint64_t number) {
    int octets = 1;
    while (octets < 9 && number >> (8 * octets - 1)) octets++;
    to[0] = (unsigned char)tag;
    to[1] = (unsigned char)octets;
    for (int at = octets - 1; at >= 0; at--) {
        to[2 + at] = (unsigned char)number;
        number = at == 0 ? 0 : number >> 8;
    }
    return 2 + octets;
}

static uint32_t uptime_of(uint32_t address, int64_t now) {
    return 100000u + mix(address, 0) % 100000000u + (uint32_t)((now - started_us) / 10000);
}

static int put_value(unsigned char *to, const struct object *object, uint32_t address,
                     uint32_t uptime) {
    const struct column *column = object->column;
    char name[32];
    const char *text = column->text ? column->text : "";
    uint64_t number = column->number;
    if (column->source == UPTIME) number = uptime;
    if (column->source == INDEX) number = object->row ? object->row : (uint64_t)ports;
    if (column->source == RATE) {
        uint32_t salt = object->row * 64 + column->oid[column->arcs - 1];
        number = (uint64_t)(mix(address, salt) % column->number) * uptime;
        if (column->tag == COUNTER32) number &= 0xFFFFFFFFu;
    }
    if (column->tag != OCTETS) return put_number(to, column->tag, number);
    if (column->source == NAME) {
        snprintf(name, sizeof name, "GigabitEthernet0/0/%u", object->row);
        text = name;
    }
    int length = (int)strlen(text);
    to[0] = OCTETS;
    to[1] = (unsigned char)length;
    memcpy(to + 2, text, (size_t)length);
    return 2 + length;
}

/* One varbind of an object, or of an OID with an exception; its octets. */
static int put_bind(unsigned char *to, const struct object *object, const unsigned char *raw,
                    int raw_octets, int exception, uint32_t address, uint32_t uptime) {
    unsigned char value[128];
    int octets = 2;
    if (object) {
        raw = object->encoded;
        raw_octets = object->octets;
        octets = put_value(value, object, address, uptime);
    } else {
        value[0] = (unsigned char)exception;
        value[1] = 0;
    }
    int length = raw_octets + octets, at = 0;
    to[at++] = 0x30;
    if (length >= 0x100) {
        to[at++] = 0x82;
        to[at++] = (unsigned char)(length >> 8);
    } else if (length >= 0x80) {
        to[at++] = 0x81;
    }
    to[at++] = (unsigned char)length;
    memcpy(to + at, raw, (size_t)raw_octets);
    memcpy(to + at + raw_octets, value, (size_t)octets);
    return at + length;
}

/* Put a tag and the length of what stands from `at` to `end` before it; where it starts now. */
static int wrap(unsigned char *buffer, int at, int end, int tag) {
    int length = end - at;
    buffer[--at] = (unsigned char)length;
    if (length >= 0x100) {
        buffer[--at] = (unsigned char)(length >> 8);
        buffer[--at] = 0x82;
    } else if (length >= 0x80) {
        buffer[--at] = 0x81;
    }
    buffer[--at] = (unsigned char)tag;
    return at;
}

static int finish(unsigned char *buffer, int end, const struct request *request, int status,
                  int index) {
    int at = wrap(buffer, HEADROOM, end, 0x30);
    unsigned char small[16];
    int octets = put_number(small, INTEGER, (uint64_t)status);
    octets += put_number(small + octets, INTEGER, (uint64_t)index);
    at -= octets;
    memcpy(buffer + at, small, (size_t)octets);
    at -= request->id_octets;
    memcpy(buffer + at, request->id, (size_t)request->id_octets);
    at = wrap(buffer, at, end, RESPONSE);
    int length = (int)strlen(community);
    at -= length;
    memcpy(buffer + at, community, (size_t)length);
    at = wrap(buffer, at, at + length, OCTETS); /* its own length only */
    at -= 3;
    memcpy(buffer + at, "\x02\x01\x01", 3);
    return wrap(buffer, at, end, 0x30);
}

/* --- reading */

struct span {
    const unsigned char *at, *end;
};

/* Enter one tag; returns its content or {0, 0}, and moves `from` behind it. */
static struct span enter(struct span *from, int tag) {
    struct span none = {0, 0}, inside;
    if (from->end - from->at < 2 || from->at[0] != tag) return none;
    long length = from->at[1];
    const unsigned char *at = from->at + 2;
    if (length & 0x80) {
        long count = length & 0x7F;
        if (count < 1 || count > 3 || from->end - at < count) return none;
        for (length = 0; count; count--) length = length << 8 | *at++;
    }
    if (from->end - at < length) return none;
    inside.at = at;
    inside.end = from->at = at + length;
    return inside;
}

static int read_integer(struct span *from, long *number) {
    struct span inside = enter(from, INTEGER);
    if (!inside.at || inside.end - inside.at < 1 || inside.end - inside.at > 4) return 0;
    *number = (signed char)*inside.at++;
    while (inside.at < inside.end) *number = *number << 8 | *inside.at++;
    return 1;
}

static int read_oid(struct span inside, struct bind *bind) {
    if (!inside.at || inside.at == inside.end || inside.end[-1] & 0x80) return 0;
    uint64_t arc = 0;
    bind->arcs = 0;
    for (; inside.at < inside.end; inside.at++) {
        arc = arc << 7 | (*inside.at & 0x7F);
        if (arc > 0xFFFFFFFFu) return 0;
        if (*inside.at & 0x80) continue;
        if (bind->arcs + 2 > MOST_ARCS) return 0;
        if (!bind->arcs) {
            uint32_t head = arc < 40 ? 0 : arc < 80 ? 1 : 2;
            bind->oid[bind->arcs++] = head;
            arc -= head * 40;
        }
        bind->oid[bind->arcs++] = (uint32_t)arc;
        arc = 0;
    }
    return 1;
}

static int read_request(const unsigned char *packet, int octets, struct request *request) {
    struct span whole = {packet, packet + octets};
    struct span message = enter(&whole, 0x30), pdu, list;
    long version, ignored;
    if (!message.at || whole.at != whole.end || !read_integer(&message, &version) || version != 1)
        return 0;
    struct span name = enter(&message, OCTETS);
    if (!name.at || (size_t)(name.end - name.at) != strlen(community) ||
        memcmp(name.at, community, strlen(community)) || message.at >= message.end)
        return 0;
    request->pdu = *message.at;
    if (request->pdu != GET && request->pdu != GETNEXT && request->pdu != GETBULK) return 0;
    pdu = enter(&message, request->pdu);
    if (!pdu.at) return 0;
    request->id = pdu.at;
    if (!read_integer(&pdu, &ignored)) return 0;
    request->id_octets = (int)(pdu.at - request->id);
    if (!read_integer(&pdu, &request->first) || !read_integer(&pdu, &request->second)) return 0;
    list = enter(&pdu, 0x30);
    if (!list.at) return 0;
    for (request->count = 0; list.at < list.end; request->count++) {
        if (request->count == MOST_BINDS) return 0;
        struct bind *bind = &request->binds[request->count];
        struct span inside = enter(&list, 0x30);
        if (!inside.at) return 0;
        bind->raw = inside.at;
        struct span content = enter(&inside, OID);
        if (!read_oid(content, bind)) return 0;
        bind->octets = (int)(inside.at - bind->raw);
    }
    return 1;
}

/* --- answering: returns where the reply starts in `buffer`, its end in `end`; 0 for silence */

static int answer(const struct request *request, uint32_t address, unsigned char *buffer, int *end) {
    static unsigned char piece[1200];
    uint32_t uptime = uptime_of(address, now_us());
    int room = (int)max_size - 40 - (int)strlen(community) - request->id_octets, at = HEADROOM;
    int bulk = request->pdu == GETBULK, full = 0;
    long once = !bulk || request->first > request->count ? request->count : request->first;
    int places[MOST_BINDS];
    if (once < 0) once = 0;
    for (int number = 0; number < request->count && !full; number++) {
        const struct bind *bind = &request->binds[number];
        int place = behind(bind->oid, bind->arcs);
        const struct object *object = place < object_count ? &objects[place] : 0;
        places[number] = place;
        if (number >= once) continue;
        if (request->pdu == GET) {
            place--; /* the object itself, when it is there, stands before what is behind it */
            object = place >= 0 && !compare(objects[place].oid, objects[place].arcs, bind->oid,
                                            bind->arcs) ? &objects[place] : 0;
        }
        int octets = put_bind(piece, object, bind->raw, bind->octets,
                              request->pdu == GET ? NO_INSTANCE : END_OF_VIEW, address, uptime);
        full = at - HEADROOM + octets > room;
        if (!full) memcpy(buffer + at, piece, (size_t)octets), at += octets;
    }
    if (full && !bulk) {
        *end = HEADROOM;
        return finish(buffer, HEADROOM, request, 1, 0); /* tooBig */
    }
    for (long turn = 0; bulk && turn < request->second && !full; turn++) {
        int alive = 0;
        for (long number = once; number < request->count && !full; number++) {
            int place = places[number];
            const struct object *object = place < object_count ? &objects[place] : 0;
            const struct bind *bind = &request->binds[number];
            const unsigned char *raw = bind->raw;
            int raw_octets = bind->octets;
            if (!object && turn && object_count) { /* the end is told at the last object */
                raw = objects[object_count - 1].encoded;
                raw_octets = objects[object_count - 1].octets;
            }
            int octets = put_bind(piece, object, raw, raw_octets, END_OF_VIEW, address, uptime);
            full = at - HEADROOM + octets > room;
            if (full) break;
            memcpy(buffer + at, piece, (size_t)octets);
            at += octets;
            if (object) alive = 1, places[number]++;
        }
        if (!alive) break;
    }
    *end = at;
    return finish(buffer, at, request, 0, 0);
}

/* --- sockets */

static void fill_header(struct msghdr *header, struct iovec *part, void *packet, size_t octets,
                        struct sockaddr_in *peer, void *control, size_t room) {
    part->iov_base = packet;
    part->iov_len = octets;
    memset(header, 0, sizeof *header);
    header->msg_name = peer;
    header->msg_namelen = sizeof *peer;
    header->msg_iov = part;
    header->msg_iovlen = 1;
    header->msg_control = control;
    header->msg_controllen = room;
}

static uint32_t asked_address(struct msghdr *header) {
    for (struct cmsghdr *note = CMSG_FIRSTHDR(header); note; note = CMSG_NXTHDR(header, note))
        if (note->cmsg_level == IPPROTO_IP && note->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(note), sizeof info);
            return ntohl(info.ipi_addr.s_addr);
        }
    return 0;
}

typedef union {
    struct cmsghdr align;
    char room[CMSG_SPACE(sizeof(struct in_pktinfo))];
} control_t;

static void send_all(int sock, struct delayed *replies, int count) {
    struct mmsghdr headers[BATCH];
    struct iovec parts[BATCH];
    static control_t controls[BATCH];
    for (int at = 0; at < count; at++) {
        struct delayed *reply = &replies[at];
        fill_header(&headers[at].msg_hdr, &parts[at], reply->packet, (size_t)reply->octets,
                    &reply->peer, &controls[at], sizeof controls[at]);
        memset(&controls[at], 0, sizeof controls[at]);
        struct cmsghdr *note = CMSG_FIRSTHDR(&headers[at].msg_hdr);
        struct in_pktinfo info = {0};
        info.ipi_spec_dst.s_addr = htonl(reply->address);
        note->cmsg_level = IPPROTO_IP;
        note->cmsg_type = IP_PKTINFO;
        note->cmsg_len = CMSG_LEN(sizeof info);
        memcpy(CMSG_DATA(note), &info, sizeof info);
    }
    for (int sent = 0; sent < count;) {
        int went = sendmmsg(sock, headers + sent, (unsigned)(count - sent), 0);
        if (went < 0 && errno == EINTR) continue;
        sent += went > 0 ? went : 1; /* what can't be sent is lost, as in networks */
    }
}

static long option(int argc, char **argv, const char *name, long otherwise) {
    for (int at = 1; at + 1 < argc; at += 2)
        if (!strcmp(argv[at], name)) return atol(argv[at + 1]);
    return otherwise;
}

static double share(int argc, char **argv, const char *name) {
    for (int at = 1; at + 1 < argc; at += 2)
        if (!strcmp(argv[at], name)) return atof(argv[at + 1]);
    return 0;
}

static int open_socket(long port) {
    int sock = socket(AF_INET, SOCK_DGRAM, 0), on = 1, room = 64 << 20;
    struct sockaddr_in here = {0};
    here.sin_family = AF_INET;
    here.sin_port = htons((uint16_t)port);
    here.sin_addr.s_addr = htonl(INADDR_ANY);
    if (sock < 0) return -1;
    setsockopt(sock, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3); /* where we may; see serve() as well */
    if (setsockopt(sock, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room))
        setsockopt(sock, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    if (setsockopt(sock, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room))
        setsockopt(sock, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    if (setsockopt(sock, IPPROTO_IP, IP_PKTINFO, &on, sizeof on) ||
        bind(sock, (struct sockaddr *)&here, sizeof here))
        return -1;
    return sock;
}

enum { QUEUE = 1 << 16 };
static struct delayed *queue;
static unsigned queue_head, queue_tail; /* taken from head, put at tail */

static void serve(int sock) {
    static unsigned char packets[BATCH][4096], buffers[BATCH][HEADROOM + LARGEST];
    static control_t controls[BATCH];
    static struct request request;
    struct mmsghdr headers[BATCH];
    struct iovec parts[BATCH];
    struct sockaddr_in peers[BATCH];
    struct delayed ready[BATCH];
    for (int at = 0; at < BATCH; at++)
        fill_header(&headers[at].msg_hdr, &parts[at], packets[at], sizeof packets[at], &peers[at],
                    &controls[at], sizeof controls[at]);
    int got = recvmmsg(sock, headers, BATCH, MSG_DONTWAIT, 0), count = 0;
    for (int at = 0; at < got; at++) {
        uint32_t address = asked_address(&headers[at].msg_hdr);
        if (address >> 24 != 127 || ntohl(peers[at].sin_addr.s_addr) >> 24 != 127) continue;
        if (mix(address, 1) % 10000 < (uint32_t)dead_permyriad) continue;
        if (loss_permyriad && roll() % 10000 < (uint32_t)loss_permyriad) continue;
        if (!read_request(packets[at], (int)headers[at].msg_len, &request)) continue;
        int end, start = answer(&request, address, buffers[at], &end);
        struct delayed *reply = &ready[count];
        reply->peer = peers[at];
        reply->address = address;
        reply->octets = end - start;
        reply->packet = buffers[at] + start;
        if (!latency_ms) {
            count++;
        } else if (queue_tail - queue_head < QUEUE) {
            unsigned char *copy = malloc((size_t)reply->octets);
            if (!copy) continue;
            memcpy(copy, reply->packet, (size_t)reply->octets);
            reply->packet = copy;
            reply->due_us = now_us() + latency_ms * 1000;
            queue[queue_tail++ % QUEUE] = *reply;
        }
    }
    if (count) send_all(sock, ready, count);
}

/* Send what is due; milliseconds to wait for the next, -1 when nothing waits. */
static int send_due(int sock) {
    while (queue_head != queue_tail) {
        struct delayed ready[BATCH];
        int count = 0;
        int64_t now = now_us();
        while (count < BATCH && queue_head + (unsigned)count != queue_tail &&
               queue[(queue_head + (unsigned)count) % QUEUE].due_us <= now) {
            ready[count] = queue[(queue_head + (unsigned)count) % QUEUE];
            count++;
        }
        if (!count) return (int)((queue[queue_head % QUEUE].due_us - now + 999) / 1000);
        queue_head += (unsigned)count;
        send_all(sock, ready, count);
        for (int at = 0; at < count; at++) free(ready[at].packet);
    }
    return -1;
}

int main(int argc, char **argv) {
    ports = option(argc, argv, "--ports", ports);
    first_index = option(argc, argv, "--first", first_index);
    index_step = option(argc, argv, "--step", index_step);
    max_size = option(argc, argv, "--max-size", max_size);
    latency_ms = option(argc, argv, "--latency-ms", latency_ms);
    dead_permyriad = (long)(share(argc, argv, "--dead-percent") * 100);
    loss_permyriad = (long)(share(argc, argv, "--loss-percent") * 100);
    for (int at = 1; at + 1 < argc; at += 2)
        if (!strcmp(argv[at], "--community")) community = argv[at + 1];
    if (ports < 0 || ports > 100000 || first_index < 1 || index_step < 1 || max_size < 200 ||
        max_size > LARGEST || strlen(community) > 200 ||
        first_index + ports * index_step > 0xFFFFFFFFL) {
        fputs("load_agent: an option is out of range\n", stderr);
        return 2;
    }
    objects = calloc(SCALAR_COUNT + (size_t)ports * COLUMN_COUNT + 1, sizeof *objects);
    queue = calloc(QUEUE, sizeof *queue);
    if (!objects || !queue) return 1;
    for (int at = 0; at < SCALAR_COUNT; at++) add_object(&SCALARS_BEFORE[at], -1);
    for (int at = 0; at < COLUMN_COUNT; at++)
        for (long row = 0; row < ports; row++)
            add_object(&COLUMNS[at], first_index + row * index_step);
    started_us = now_us();
    int sock = open_socket(option(argc, argv, "--port", 1161));
    if (sock < 0) {
        perror("load_agent");
        return 1;
    }
    puts("ready");
    fflush(stdout);
    struct pollfd watched[2] = {{sock, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    for (;;) {
        int wait = send_due(sock);
        if (poll(watched, 2, wait) < 0 && errno != EINTR) return 1;
        if (watched[1].revents) {
            char rest[64];
            if (read(STDIN_FILENO, rest, sizeof rest) <= 0) return 0;
        }
        if (watched[0].revents) serve(sock);
    }
}
