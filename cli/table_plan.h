// From a table's spec to its runs: which config each has, what it starts from, and where it lies.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/run_options.h"
#include "cli/table_missing.h"
#include "core/launch/ledger.h"
#include "core/report/paper_table.h"

namespace frugal::cli {

struct TableRequest {
  report::TableSpec spec;
  std::string rows = "*";                                           // shell pattern of row names
  std::vector<std::string> typed;                                   // overrides as the user gave them, which are:
  std::vector<std::string> overrides;                               // last in every run
  std::map<std::string, std::vector<std::string>> stage_overrides;  // after them, by stage; "cells": of no stage's
  std::vector<std::filesystem::path> config_dirs;
  std::filesystem::path folder;  // ledgers and the table's files lie here
  std::filesystem::path runs;    // a folder that tables may share
  bool fresh = false;            // run again what is there
  bool run = true;               // false: make the table of what is there
  std::vector<std::string> command_line;
};

struct PlannedRun {
  launch::SweepJob job;
  std::string label;  // "lora, rte, seed 2", for progress
  std::string stage;  // "": a run of cells
  std::string input;  // key of the run whose model it takes; "": none
  int depth = 0;      // runs before it

  bool done() const;
  // Of a stage: its model is there.
  bool has_model() const;
};

// A run's key is the hash of its config, wherever the model of its stage lies: two that ask for the same get one run.
class TablePlan {
 public:
  explicit TablePlan(const TableRequest& request);

  const report::TableSpec& spec() const { return request_.spec; }
  // Indices of the rows that the request's pattern matches. Error(kUsage, "unknown_row").
  std::vector<size_t> rows() const;
  // The columns' overrides, each once, as one text, with a column that has them: a run a row and seed.
  const std::map<std::string, const report::TableColumn*>& conditions() const { return conditions_; }
  static std::string condition_of(const report::TableColumn& column);

  // Composes and checks the run, and those of its stages. Returns the key.
  // Error(kUsage, "bad_stage") for a stage that leaves no model, with its line.
  std::string cell(const report::TableRow& row, const std::string& condition, int64_t seed,
                   const std::vector<std::string>& more = {});
  // Of a row with a grid: the runs that try its values, in the grid's order.
  std::vector<std::string> tries(const report::TableRow& row, const std::string& condition);
  // What is known before any has run: the tries of a row with a grid, else a run a seed.
  std::vector<std::string> known(const report::TableRow& row, const std::string& condition);
  // The row's run of a stage that it goes through.
  std::string stage(const report::TableRow& row, const std::string& name, int64_t seed);

  const PlannedRun& run(const std::string& key) const { return runs_.at(key); }
  // The run and all that it starts from, the first one first.
  std::vector<std::string> with_inputs(const std::string& key) const;
  // What the run itself lacks on this machine.
  std::optional<Missing> missing(const std::string& key) const;

 private:
  std::string add(const std::vector<std::string>& overrides, const std::string& stage, const std::string& input,
                  const std::string& label);
  // What a run that tries a value of the row's grid has beside the row's overrides.
  std::vector<std::string> tuning_overrides(const report::TableRow& row, const std::string& value) const;
  std::vector<std::string> model_of(const std::string& stage_key) const;
  void check_leaves_model(const nlohmann::json& config, const std::string& stage) const;

  const TableRequest& request_;
  RunOptions options_;
  std::map<std::string, const report::TableColumn*> conditions_;
  std::map<std::string, PlannedRun> runs_;
  std::map<std::string, std::string> keys_;  // by overrides: a stage is composed once
};

}  // namespace frugal::cli
