// The recipe's JSON Schema, put together from every declaration of options: top level, task, each pass.
#include <nlohmann/json.hpp>

#include "driver/recipe/recipe.h"
#include "driver/pipeline/within_drop.h"
#include "driver/recipe/top.h"
#include "passes/pass.h"
#include "tasks/task.h"

namespace fastc {
namespace {

using nlohmann::json;

json stage_schema(const Pass& pass) {
  json schema = pass.options().schema();
  schema["title"] = pass.traits().name;
  schema["description"] = pass.traits().summary;
  schema["properties"]["pass"] = {{"const", pass.traits().name}};
  schema["properties"]["name"] = {{"type", "string"}, {"description", "how later stages refer to this one (\"stage:NAME\")"}};
  schema["properties"]["keep"] = {{"enum", {"always", "if-faster"}}, {"default", "always"}, {"description", "if-faster: undone when it is measured not to be faster"}};
  if (can_hold_drop(pass))
    schema["properties"]["max_drop"] = {{"type", "number"}, {"minimum", 0}, {"description", "by how much the task's metric may fall; the most sensitive layers keep a higher precision until it holds"}};
  schema["required"].push_back("pass");
  return schema;
}

json model_schema() {
  const json input = {{"type", "object"}, {"additionalProperties", false},
                      {"properties", {{"shape", {{"type", "array"}, {"items", {{"type", {"integer", "string"}}}}, {"description", "sizes, or symbols like \"N\""}}}, {"dtype", {{"type", "string"}, {"default", "float32"}}}}}};
  return {{"type", "object"}, {"additionalProperties", false}, {"required", {"path"}},
          {"properties", {{"path", {{"type", "string"}, {"description", "a .pt or .pt2 file, relative to the recipe"}}}, {"inputs", {{"type", "object"}, {"additionalProperties", input}}}}}};
}

}  // namespace

json recipe_schema() {
  json schema = recipe_top_table().schema();
  schema["$schema"] = "https://json-schema.org/draft/2020-12/schema";
  schema["title"] = "fastc recipe";
  json& properties = schema["properties"];
  properties["model"] = model_schema();
  properties["task"] = task_schema();
  json stages = json::array();
  for (const Pass* pass : all_passes()) stages.push_back(stage_schema(*pass));
  properties["pipeline"] = {{"type", "array"}, {"items", {{"oneOf", stages}}}, {"description", "stages, in order"}};
  properties["emit"]["properties"]["stub"] = {{"oneOf", {{{"type", "boolean"}}, {{"type", "object"}, {"additionalProperties", false}, {"properties", {{"verify", {{"enum", {"auto", "always", "never"}}}}}}}}}};
  return schema;
}

}  // namespace fastc
