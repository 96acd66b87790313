// The file doubles of provincial systems.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "adapters/systems/card_centre.h"
#include "adapters/systems/divisions.h"
#include "adapters/systems/point_registry.h"
#include "adapters/systems/population_register.h"
#include "protos/contract/errors.h"

namespace yizhan::systems {
namespace {

std::string Write(const std::string& name, const std::string& content) {
  const std::string path = absl::StrCat(testing::TempDir(), "/yizhan_systems_", name);
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

std::string Line(const std::string& id, const std::string& more = "") {
  return absl::StrCat(R"({"id_number":")", id,
                      R"(","name":"王·𠮷","sex":"2","ethnicity":"01","birth_date":"1949-12-31",)",
                      R"("home_division":"110105","home_address":"a","has_history_photo":true,)",
                      R"("credit_listed":false,"county_finding":"NONE")", more, "}\n");
}

// The error of a malformed file names place, member and what to do.
template <typename T>
void ExpectRefused(const absl::StatusOr<T>& loaded, absl::string_view place,
                   absl::string_view what) {
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(contract::ReasonOf(loaded.status()), v1::CONFIG_INVALID);
  EXPECT_TRUE(absl::StrContains(loaded.status().message(), place)) << loaded.status();
  EXPECT_TRUE(absl::StrContains(loaded.status().message(), what)) << loaded.status();
  EXPECT_FALSE(contract::DetailOf(loaded.status()).next_step().empty());
}

constexpr char kId[] = "11010519491231002X";

TEST(PopulationRegisterTest, LowerCaseX_IsReadAsX) {
  auto loaded = FilePopulationRegister::Load(Write("r", Line("11010519491231002x")));
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  for (const char* id : {kId, "11010519491231002x"}) {
    const auto found = (*loaded)->Lookup(id);
    ASSERT_TRUE(found.ok() && found->has_value());
    EXPECT_EQ((*found)->person.name, "王·𠮷");
    EXPECT_TRUE((*found)->has_history_photo);
  }
  EXPECT_FALSE((*loaded)->Lookup("320106198502155219")->has_value());
}

TEST(PopulationRegisterTest, MalformedLines_StopTheLoadingWithTheirPlace) {
  const auto load = [](const std::string& content) {
    return FilePopulationRegister::Load(Write("bad", content));
  };
  ExpectRefused(load(Line(kId) + "{oops\n"), "_bad:2: ", "JSON");
  ExpectRefused(load(Line("110105194912310021")), "_bad:1: ", "id_number");
  ExpectRefused(load(Line(kId) + Line("11010519491231002x")), "_bad:2: ", "line 1");
  ExpectRefused(load("{\"id_number\": 7}\n"), "_bad:1: ", "must be a string");
  ExpectRefused(load(Line(kId, R"(,"sex":"1")")), "_bad:1: ", "twice");
  ExpectRefused(load("[]\n"), "_bad:1: ", "object");
  ExpectRefused(FilePopulationRegister::Load("/nonexistent/r.jsonl"), "/nonexistent", "read");
}

TEST(PopulationRegisterTest, Errors_RepeatNothingPersonal) {
  const auto loaded = FilePopulationRegister::Load(Write("p", Line("110105194912310021")));
  EXPECT_FALSE(absl::StrContains(loaded.status().message(), "110105194912310021"));
}

TEST(PopulationRegisterTest, Card_IsRecordedForKnownPersonsAndMayBeRepeated) {
  auto loaded = *FilePopulationRegister::Load(Write("c", Line(kId)));
  CardRecord card;
  card.person.id_number = kId;
  EXPECT_EQ(loaded->RecordCard(card)->reject_code, "SERIAL_MISSING");
  card.card_serial = "SN";
  EXPECT_TRUE(loaded->RecordCard(card)->applied);
  EXPECT_TRUE(loaded->RecordCard(card)->applied);
  card.person.id_number = "320106198502155219";
  EXPECT_EQ(loaded->RecordCard(card)->reject_code, "PERSON_UNKNOWN");
}

TEST(PointRegistryTest, Designation_BeginsOnItsDay) {
  auto points = FilePointRegistry::Load(
      Write("points",
            "{\"code\":\"320106001\",\"designated\":true,\"valid_from\":\"2016-07-01\"}\n"
            "{\"code\":\"320106099\",\"designated\":false,\"valid_from\":\"2016-07-01\"}\n"));
  ASSERT_TRUE(points.ok()) << points.status();
  EXPECT_FALSE((*points)->IsDesignated("320106001", absl::CivilDay(2016, 6, 30)));
  EXPECT_TRUE((*points)->IsDesignated("320106001", absl::CivilDay(2016, 7, 1)));
  EXPECT_FALSE((*points)->IsDesignated("320106099", absl::CivilDay(2016, 7, 1)));
  EXPECT_FALSE((*points)->IsDesignated("320106002", absl::CivilDay(2016, 7, 1)));
}

TEST(PointRegistryTest, MalformedLines_StopTheLoading) {
  ExpectRefused(FilePointRegistry::Load(Write("pb",
                                              "{\"code\":\"32\",\"designated\":true,"
                                              "\"valid_from\":\"2016-07-01\"}\n")),
                "_pb:1: ", "nine digits");
  ExpectRefused(FilePointRegistry::Load(Write("pb",
                                              "{\"code\":\"320106001\",\"designated\":1,"
                                              "\"valid_from\":\"2016-07-01\"}\n")),
                "_pb:1: ", "designated");
  ExpectRefused(FilePointRegistry::Load(Write("pb",
                                              "{\"code\":\"320106001\",\"designated\":true,"
                                              "\"valid_from\":\"2016-02-30\"}\n")),
                "_pb:1: ", "valid_from");
}

TEST(DivisionsTest, ShippedTable_KnowsCountiesOnly) {
  auto divisions = Divisions::Load(YIZHAN_SOURCE_DIR "/deploy/data/divisions.csv");
  ASSERT_TRUE(divisions.ok()) << divisions.status();
  EXPECT_TRUE((*divisions)->IsCounty("513429"));
  EXPECT_FALSE((*divisions)->IsCounty("5134"));
  EXPECT_FALSE((*divisions)->IsCounty("132922"));
  EXPECT_EQ((*divisions)->Name("32"), "江苏省");
  EXPECT_GT((*divisions)->size(), 2900U);
}

TEST(DivisionsTest, MalformedTables_StopTheLoading) {
  ExpectRefused(Divisions::Load(Write("d", "a,b,c\n")), "_d:1: ", "header");
  ExpectRefused(Divisions::Load(Write("d", "code,name,parent\n11,x\n")), "_d:2: ", "three cells");
  ExpectRefused(Divisions::Load(Write("d", "code,name,parent\n11,x,\n11,x,\n")), "_d:3: ", "11");
  ExpectRefused(Divisions::Load(Write("d", "code,name,parent\n")), "_d", "no division");
}

TEST(CardCentreTest, Order_IsWrittenOnceEvenAcrossRestarts) {
  const std::string path = Write("orders", "");
  std::remove(path.c_str());
  CardRecord order{"3201060012016072000001", "", {}};
  order.person.id_number = kId;
  for (int start = 0; start < 2; ++start) {
    auto centre = *FileCardCentre::Open(path);
    EXPECT_TRUE(centre->Order(order)->applied);
    EXPECT_TRUE(centre->Order(order)->applied);
  }
  std::ifstream in(path);
  const std::string all{std::istreambuf_iterator<char>(in), {}};
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 1);
  EXPECT_FALSE(absl::StrContains(all, kId));
  order.acceptance_number = "1";
  EXPECT_FALSE((*FileCardCentre::Open(""))->Order(order)->applied);
}

}  // namespace
}  // namespace yizhan::systems
