#include "tools/demo/link_opener.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "protos/contract/errors.h"
#include "tools/demo/interruption.h"
#include "tools/yizhan/link_client.h"
#include "tools/yizhan/rpc_call.h"
#include "yizhan/v1/node_admin.grpc.pb.h"

namespace yizhan::tools {
namespace {

using contract::ProvinceCode;

// Whether the node's own copy of the directory has both routes of the pair open.
absl::StatusOr<bool> SeesOpen(const Lab& lab, ProvinceCode node, ProvinceCode a, ProvinceCode b) {
  const auto channel = DialNode(lab, node, v1::CALLER_OPERATOR);
  if (!channel.ok()) return channel.status();
  const auto stub = v1::NodeAdmin::NewStub(*channel);
  const auto links = Call(*stub, absl::StrCat("Node ", node.str()),
                          &v1::NodeAdmin::StubInterface::ListLinks, v1::ListLinksRequest());
  if (!links.ok()) return links.status();
  return 2 == std::count_if(links->routes().begin(), links->routes().end(),
                            [&](const v1::RouteInfo& route) {
                              const ProvinceCode from(route.accepting());
                              const ProvinceCode to(route.home());
                              return route.state() == v1::ROUTE_OPEN &&
                                     ((from == a && to == b) || (from == b && to == a));
                            });
}

absl::Status AwaitOpen(const Lab& lab, ProvinceCode a, ProvinceCode b,
                       const LinkOpenerOptions& options) {
  const absl::Time end = absl::Now() + absl::Seconds(30);
  for (const ProvinceCode node : {a, b}) {
    while (true) {
      const absl::StatusOr<bool> open = SeesOpen(lab, node, a, b);
      if (open.ok() && *open) break;
      if (options.interrupted()) return InterruptedError();
      if (absl::Now() > end) {
        return contract::MakeError(
            v1::LINK_RUN_CONFLICT, v1::SIDE_BROKER,
            absl::StrCat("The test of ", a.str(), " and ", b.str(), " is certified, but node ",
                         node.str(), " does not see its routes open", open.ok() ? "" : ": ",
                         open.ok() ? "" : open.status().message()),
            "Compare `yizhan link list` with `yizhan link list --node`, and see the node's log.");
      }
      absl::SleepFor(absl::Milliseconds(50));
    }
  }
  return absl::OkStatus();
}

void OpenOne(const Lab& lab, const LinkOpenerOptions& options, LinkResult& result) {
  const absl::Time began = absl::Now();
  const auto armed = ArmLink(lab, result.partner, options.hub, absl::Hours(1));
  result.status = armed.status();
  if (result.status.ok()) {
    auto run = TestLink(lab, options.hub, result.partner, options.fast, options.timeout,
                        [](const v1::LinkRun&) {});
    result.status = run.status();
    if (run.ok()) result.run = *std::move(run);
  }
  if (result.status.ok()) result.status = JudgeRun(result.run);
  if (result.status.ok()) result.status = AwaitOpen(lab, options.hub, result.partner, options);
  result.took = absl::Now() - began;
}

}  // namespace

std::vector<LinkResult> OpenLinks(const Lab& lab, const LinkOpenerOptions& options) {
  std::vector<LinkResult> results(options.partners.size());
  for (std::size_t i = 0; i < results.size(); ++i) results[i].partner = options.partners[i];
  std::atomic<std::size_t> next{0};
  std::atomic<std::size_t> done{0};
  const auto work = [&] {
    for (std::size_t i = next.fetch_add(1); i < results.size(); i = next.fetch_add(1)) {
      if (options.interrupted()) {
        results[i].status = InterruptedError();
      } else {
        OpenOne(lab, options, results[i]);
      }
      done.fetch_add(1);
    }
  };
  std::vector<std::thread> workers;
  const std::size_t count = std::min<std::size_t>(options.parallel, results.size());
  for (std::size_t i = 0; i < count; ++i) workers.emplace_back(work);
  while (done.load() < results.size()) {
    options.on_progress(absl::StrCat("connectivity tests ", done.load(), "/", results.size()));
    absl::SleepFor(absl::Milliseconds(100));
  }
  for (std::thread& worker : workers) worker.join();
  return results;
}

}  // namespace yizhan::tools
