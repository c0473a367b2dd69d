#include "lib/span/leads.h"

#include "lib/base/hazard.h"

#define KEY "-_*"
#define SURE LLMOBS_LEAD_SURE
#define PADDED "-_*+/="

/* The leads with the same mark stand together. */
const struct llmobs_lead llmobs_leads[LLMOBS_LEADS] = {
    {"sk-", 2, 4, 4, KEY},
    {"pk-", 2, 12, 10, KEY},
    {"xai-", 3, 12, 10, KEY},
    {"pplx-", 4, 12, 10, KEY},
    {"nvapi-", 5, 12, 10, KEY},
    {"csk-", 3, 12, 10, KEY},
    {"xoxb-", 4, 8, 6, SURE},
    {"xoxp-", 4, 8, 6, SURE},
    {"xoxa-", 4, 8, 6, SURE},
    {"xoxr-", 4, 8, 6, SURE},
    {"xoxs-", 4, 8, 6, SURE},
    {"xoxe-", 4, 8, 6, SURE},
    {"xapp-", 4, 8, 8, SURE},
    {"glpat-", 5, 8, 8, SURE},
    {"glrt-", 4, 12, 10, KEY},
    {"gldt-", 4, 12, 10, KEY},
    {"tvly-", 4, 8, 8, KEY},
    {"PMAK-", 4, 12, 10, KEY},
    {"pypi-", 4, 16, 16, KEY},
    {"fc-", 2, 16, 16, KEY},
    {"pa-", 2, 16, 16, KEY},
    {"app-", 3, 16, 16, KEY},
    {"key-", 3, 20, 20, KEY},
    {"sess-", 4, 20, 16, KEY},
    {"rc-", 2, 20, 20, KEY},
    {"glcbt-", 5, 12, 10, KEY},
    {"tskey-", 5, 12, 12, KEY},
    {"NRAK-", 4, 12, 12, KEY},
    {"NRII-", 4, 12, 12, KEY},
    {"xkeysib-", 7, 12, 12, KEY},
    {"xsmtpsib-", 8, 12, 12, KEY},
    {"sq0atp-", 6, 12, 12, KEY},
    {"sq0csp-", 6, 12, 12, KEY},
    {"glptt-", 5, 12, 12, KEY},
    {"glft-", 4, 12, 12, KEY},
    {"gloas-", 5, 12, 12, KEY},
    {"glagent-", 7, 12, 12, KEY},
    {"glimt-", 5, 12, 12, KEY},
    {"glsoat-", 6, 12, 12, KEY},
    {"glffct-", 6, 12, 12, KEY},
    {"HRKU-", 4, 12, 12, KEY},
    {"FLWSECK-", 7, 12, 12, KEY},
    {"AGE-SECRET-KEY-1", 3, 20, 20, KEY},
    {"p8e-", 3, 20, 20, KEY},
    {"fio-u-", 3, 20, 16, KEY},
    {"pul-", 3, 32, 32, KEY},
    {"ico-", 3, 32, 32, KEY},
    {"API-", 3, 26, 26, KEY},
    {"dnkey-", 5, 20, 16, KEY},
    {"FLWSECK_TEST-", 12, 12, 12, KEY},
    {"tk-us-", 2, 24, 16, KEY},
    {"access-sandbox-", 6, 24, 8, KEY},
    {"access-development-", 6, 24, 8, KEY},
    {"access-production-", 6, 24, 8, KEY},
    {"bedrock-api-key-", 7, 16, 16, PADDED},
    {"v1.0-", 4, 64, 24, KEY},
    {"sk_", 2, 12, 10, KEY},
    {"rk_", 2, 12, 10, KEY},
    {"gsk_", 3, 8, 8, KEY},
    {"hf_", 2, 10, 10, KEY},
    {"gho_", 3, 12, 10, SURE},
    {"ghp_", 3, 12, 10, SURE},
    {"ghu_", 3, 12, 10, SURE},
    {"ghs_", 3, 12, 10, SURE},
    {"ghr_", 3, 12, 10, SURE},
    {"github_pat_", 6, 12, 10, SURE},
    {"r8_", 2, 12, 10, KEY},
    {"pcsk_", 4, 12, 10, KEY},
    {"npm_", 3, 12, 12, KEY},
    {"fw_", 2, 12, 12, KEY},
    {"shpat_", 5, 12, 12, SURE},
    {"shpca_", 5, 12, 12, SURE},
    {"shppa_", 5, 12, 12, SURE},
    {"shpss_", 5, 12, 12, SURE},
    {"lin_api_", 3, 12, 10, SURE},
    {"dop_v1_", 3, 12, 10, SURE},
    {"doo_v1_", 3, 12, 10, KEY},
    {"dor_v1_", 3, 12, 10, KEY},
    {"dckr_pat_", 4, 12, 10, SURE},
    {"sbp_", 3, 12, 12, KEY},
    {"nfp_", 3, 12, 12, KEY},
    {"lsv2_", 4, 12, 10, KEY},
    {"figd_", 4, 12, 12, KEY},
    {"ntn_", 3, 12, 12, KEY},
    {"rpa_", 3, 12, 12, KEY},
    {"esecret_", 7, 12, 10, KEY},
    {"glsa_", 4, 12, 12, KEY},
    {"sntrys_", 6, 12, 12, PADDED},
    {"whsec_", 5, 12, 12, PADDED},
    {"jina_", 4, 12, 12, KEY},
    {"ek_", 2, 12, 12, KEY},
    {"tgp_v1_", 3, 12, 10, KEY},
    {"phx_", 3, 12, 12, KEY},
    {"cpk_", 3, 12, 12, KEY},
    {"secret_", 6, 32, 32, KEY},
    {"e2b_", 3, 12, 12, KEY},
    {"figu_", 4, 12, 12, KEY},
    {"rzp_live_", 3, 12, 12, KEY},
    {"rzp_test_", 3, 12, 12, KEY},
    {"dckr_oat_", 4, 12, 12, KEY},
    {"pnu_", 3, 12, 12, KEY},
    {"rdme_", 4, 12, 12, KEY},
    {"rubygems_", 8, 12, 12, KEY},
    {"sntryu_", 6, 12, 12, KEY},
    {"shippo_live_", 6, 12, 12, KEY},
    {"shippo_test_", 6, 12, 12, KEY},
    {"CLOJARS_", 7, 12, 12, KEY},
    {"vck_", 3, 12, 12, KEY},
    {"apify_api_", 5, 12, 12, KEY},
    {"sb_secret_", 2, 12, 12, KEY},
    {"tfp_", 3, 12, 12, KEY},
    {"api_org_", 3, 12, 12, KEY},
    {"sm_aat_", 2, 12, 12, KEY},
    {"sm_pat_", 2, 12, 12, KEY},
    {"sm_sat_", 2, 12, 12, KEY},
    {"pscale_tkn_", 6, 12, 12, KEY ".="},
    {"pscale_pw_", 6, 12, 12, KEY ".="},
    {"pscale_oauth_", 6, 12, 12, KEY ".="},
    {"duffel_live_", 6, 12, 10, KEY "="},
    {"duffel_test_", 6, 12, 10, KEY "="},
    {"squ_", 3, 32, 16, KEY},
    {"sqp_", 3, 32, 16, KEY},
    {"sqa_", 3, 32, 16, KEY},
    {"sgp_", 3, 32, 16, KEY},
    {"glc_", 3, 20, 16, PADDED},
    {"ops_eyJ", 3, 20, 16, PADDED},
    {"fo1_", 3, 20, 16, KEY},
    {"fm1a_", 4, 20, 16, PADDED},
    {"fm1r_", 4, 20, 16, PADDED},
    {"fm2_", 3, 20, 16, PADDED},
    {"xoxe.", 4, 8, 6, KEY},
    {"SG.", 2, 12, 10, "-_*."},
    {"ya29.", 4, 12, 4, "-_*.~+/="},
    {"hvs.", 3, 12, 12, KEY},
    {"AQ.", 2, 20, 16, KEY},
    {"hooks.slack.com/services/", 5, 12, 8, "/*"},
    {"discord.com/api/webhooks/", 7, 30, 16, KEY "/"},
    {"zapier.com/api/mcp/s/", 6, 16, 16, KEY},
    {"dp.st.", 2, 12, 12, KEY "."},
    {"dp.pt.", 2, 12, 12, KEY "."},
    {"dp.ct.", 2, 12, 12, KEY "."},
    {"dp.sa.", 2, 12, 12, KEY "."},
    {"dp.scim.", 2, 12, 12, KEY "."},
    {"dp.audit.", 2, 12, 12, KEY "."},
    {"dt0c01.", 6, 24, 20, KEY "."},
    {"hvb.", 3, 24, 20, KEY},
    {"hvr.", 3, 20, 16, KEY},
    {"atlasv1.", 7, 24, 20, KEY "="},
    {"sl.", 2, 64, 32, KEY "="},
    {"sk.eyJ", 2, 20, 16, KEY "."},
    {"t1.", 2, 60, 40, KEY "=."},
    {"AKIA", 2, 12, 12, "*"},
    {"ASIA", 2, 12, 12, "*"},
    {"AIza", 1, 12, 12, KEY},
    {"eyJ", 2, 20, 10, "-_.*"}, /* mask.c asks for a dot in it */
};

const char llmobs_leads_before[LLMOBS_LEADS + 1] =
    "kkixikbparseptttyKicapysctyKIbbppttsttttUKEeoloIyTksssk0"
    "kkkfopusrb8kmwtaasnporrpp2dnatascakpx"
    "ktbuppruesuooSkybpimmmeeellupapcs1ar2"
    "eG9sQsdrpppppp1br1lk1KSAy";

static const struct {
    char mark;
    unsigned char from, to;
    /* A bit for a hash of the two characters before the mark; no bits for a
     * mark that is a letter, as few texts have it. */
    uint64_t before[LLMOBS_LEADS_HASHES / 64];
} marks[] = {
    {'-',
     0,
     56,
     {0x8008000000000000, 0x4010000000000, 0x40000000000640, 0x8008000000001020,
      0x400080000000001, 0x40000101000200, 0x10002000, 0x400081000000,
      0x4000440000004000, 0x1000000002000100, 0x108028000000, 0x200000008000004,
      0x0, 0x40000000000c8000, 0x0, 0x8000000000000041}},
    {'_',
     56,
     130,
     {0x8000000408000, 0x0, 0x2040008200004200, 0x10082000400,
      0x4020084000001000, 0x8a8000020040, 0x8011008000000000, 0xc0000200000000,
      0x3004020, 0x10000002041, 0xf000000000001000, 0x20040008200200,
      0x408040000000100, 0x1004030800, 0x0, 0x1000000040}},
    {'.',
     130,
     151,
     {0x0, 0x0, 0x40100000000002, 0x200000400, 0x20000, 0x40000000000, 0x400000,
      0x0, 0x800000000010000, 0x0, 0x0, 0x0, 0x2000000880, 0x400000100000000,
      0x0, 0x8000000000000000}},
    {'I', 151, 154, {0}},
    {'J', 154, 155, {0}},
};

/* Text comes with hyphens, code with underscores: nearly all of them end here.
 */
bool llmobs_leads_may_be(char mark, const char *before, size_t *from,
                         size_t *to)
{
    unsigned hash = llmobs_leads_hash(before);
    size_t i = 0;

    while (marks[i].mark != mark)
        if (++i == sizeof(marks) / sizeof(*marks))
            return false;
    *from = marks[i].from;
    *to = marks[i].to;
    return mark == 'I' || mark == 'J' ||
           (marks[i].before[hash >> 6] >>
                (LLMOBS_HAZARD(beginnings_unknown, hash & 63, hash & 31)) &
            1);
}
