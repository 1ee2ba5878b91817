// SPDX-License-Identifier: Apache-2.0
// Generated from proto/alarm/ by packages/wire/scripts/generate.mjs: do not edit.
/*eslint-disable block-scoped-var, id-length, no-control-regex, no-magic-numbers, no-mixed-operators, no-prototype-builtins, no-redeclare, no-shadow, no-var, sort-vars, default-case, jsdoc/require-param*/
import $protobuf from "protobufjs/minimal.js";

const $Reader = $protobuf.Reader, $Writer = $protobuf.Writer, $util = $protobuf.util;
const $Object = $util.global.Object, $undefined = $util.global.undefined, $Error = $util.global.Error, $RangeError = $util.global.RangeError;

const $root = $protobuf.roots["alarm"] || ($protobuf.roots["alarm"] = {});

export const AlarmMessage = $root.AlarmMessage = (() => {

    const AlarmMessage = function (properties) {
        if (properties)
            for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                if (properties[keys[i]] != null && keys[i] !== "__proto__")
                    this[keys[i]] = properties[keys[i]];
    };

    AlarmMessage.prototype.scopeId = 0;
    AlarmMessage.prototype.scope = "";
    AlarmMessage.prototype.name = "";
    AlarmMessage.prototype.id0 = "";
    AlarmMessage.prototype.id1 = "";
    AlarmMessage.prototype.ruleName = "";
    AlarmMessage.prototype.alarmMessage = "";
    AlarmMessage.prototype.startTime = 0;
    AlarmMessage.prototype.tags = null;
    AlarmMessage.prototype.uuid = "";

    AlarmMessage.encode = function (message, writer, _depth) {
        if (!writer)
            writer = $Writer.create();
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $util.recursionLimit)
            throw $Error("max depth exceeded");
        if (message.scopeId != null && $Object.hasOwnProperty.call(message, "scopeId") && (typeof message.scopeId === "object" ? message.scopeId.low || message.scopeId.high : message.scopeId !== 0))
            writer.uint32(8).int64(message.scopeId);
        if (message.scope != null && $Object.hasOwnProperty.call(message, "scope") && message.scope !== "")
            writer.uint32(18).string(message.scope);
        if (message.name != null && $Object.hasOwnProperty.call(message, "name") && message.name !== "")
            writer.uint32(26).string(message.name);
        if (message.id0 != null && $Object.hasOwnProperty.call(message, "id0") && message.id0 !== "")
            writer.uint32(34).string(message.id0);
        if (message.id1 != null && $Object.hasOwnProperty.call(message, "id1") && message.id1 !== "")
            writer.uint32(42).string(message.id1);
        if (message.ruleName != null && $Object.hasOwnProperty.call(message, "ruleName") && message.ruleName !== "")
            writer.uint32(50).string(message.ruleName);
        if (message.alarmMessage != null && $Object.hasOwnProperty.call(message, "alarmMessage") && message.alarmMessage !== "")
            writer.uint32(58).string(message.alarmMessage);
        if (message.startTime != null && $Object.hasOwnProperty.call(message, "startTime") && (typeof message.startTime === "object" ? message.startTime.low || message.startTime.high : message.startTime !== 0))
            writer.uint32(64).int64(message.startTime);
        if (message.tags != null && $Object.hasOwnProperty.call(message, "tags"))
            $root.AlarmTags.encode(message.tags, writer.uint32(74).fork(), _depth + 1).ldelim();
        if (message.uuid != null && $Object.hasOwnProperty.call(message, "uuid") && message.uuid !== "")
            writer.uint32(82).string(message.uuid);
        if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
            for (let i = 0; i < message.$unknowns.length; ++i)
                writer.raw(message.$unknowns[i]);
        return writer;
    };

    AlarmMessage.decode = function (reader, length, _end, _depth, _target) {
        if (!(reader instanceof $Reader))
            reader = $Reader.create(reader);
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $Reader.recursionLimit)
            throw $Error("max depth exceeded");
        let end, message, value;
        if (length === $undefined)
            end = reader.len;
        else {
            end = reader.pos + length;
            if (end > reader.len)
                throw $RangeError("index out of range");
            length = reader.len;
            reader.len = end;
        }
        message = _target || new $root.AlarmMessage();
        while (reader.pos < end) {
            let start = reader.pos;
            let tag = reader.tag();
            if (tag === _end) {
                _end = $undefined;
                break;
            }
            let wireType = tag & 7;
            switch (tag >>>= 3) {
            case 1: {
                    if (wireType !== 0)
                        break;
                    if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                        message.scopeId = value;
                    else
                        delete message.scopeId;
                    continue;
                }
            case 2: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.scope = value;
                    else
                        delete message.scope;
                    continue;
                }
            case 3: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.name = value;
                    else
                        delete message.name;
                    continue;
                }
            case 4: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.id0 = value;
                    else
                        delete message.id0;
                    continue;
                }
            case 5: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.id1 = value;
                    else
                        delete message.id1;
                    continue;
                }
            case 6: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.ruleName = value;
                    else
                        delete message.ruleName;
                    continue;
                }
            case 7: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.alarmMessage = value;
                    else
                        delete message.alarmMessage;
                    continue;
                }
            case 8: {
                    if (wireType !== 0)
                        break;
                    if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                        message.startTime = value;
                    else
                        delete message.startTime;
                    continue;
                }
            case 9: {
                    if (wireType !== 2)
                        break;
                    message.tags = $root.AlarmTags.decode(reader, reader.size(), $undefined, _depth + 1, message.tags);
                    continue;
                }
            case 10: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.uuid = value;
                    else
                        delete message.uuid;
                    continue;
                }
            }
            reader.skipType(wireType, _depth, tag);
            if (!reader.discardUnknown) {
                $util.makeProp(message, "$unknowns", false);
                (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
            }
        }
        if (length !== $undefined) {
            if (reader.pos !== end)
                throw $RangeError("index out of range");
            reader.len = length;
        }
        if (_end !== $undefined)
            throw $Error("missing end group");
        return message;
    };

    return AlarmMessage;
})();

export const AlarmRecoveryMessage = $root.AlarmRecoveryMessage = (() => {

    const AlarmRecoveryMessage = function (properties) {
        if (properties)
            for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                if (properties[keys[i]] != null && keys[i] !== "__proto__")
                    this[keys[i]] = properties[keys[i]];
    };

    AlarmRecoveryMessage.prototype.scopeId = 0;
    AlarmRecoveryMessage.prototype.scope = "";
    AlarmRecoveryMessage.prototype.name = "";
    AlarmRecoveryMessage.prototype.id0 = "";
    AlarmRecoveryMessage.prototype.id1 = "";
    AlarmRecoveryMessage.prototype.ruleName = "";
    AlarmRecoveryMessage.prototype.alarmMessage = "";
    AlarmRecoveryMessage.prototype.startTime = 0;
    AlarmRecoveryMessage.prototype.tags = null;
    AlarmRecoveryMessage.prototype.uuid = "";
    AlarmRecoveryMessage.prototype.recoveryTime = 0;

    AlarmRecoveryMessage.encode = function (message, writer, _depth) {
        if (!writer)
            writer = $Writer.create();
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $util.recursionLimit)
            throw $Error("max depth exceeded");
        if (message.scopeId != null && $Object.hasOwnProperty.call(message, "scopeId") && (typeof message.scopeId === "object" ? message.scopeId.low || message.scopeId.high : message.scopeId !== 0))
            writer.uint32(8).int64(message.scopeId);
        if (message.scope != null && $Object.hasOwnProperty.call(message, "scope") && message.scope !== "")
            writer.uint32(18).string(message.scope);
        if (message.name != null && $Object.hasOwnProperty.call(message, "name") && message.name !== "")
            writer.uint32(26).string(message.name);
        if (message.id0 != null && $Object.hasOwnProperty.call(message, "id0") && message.id0 !== "")
            writer.uint32(34).string(message.id0);
        if (message.id1 != null && $Object.hasOwnProperty.call(message, "id1") && message.id1 !== "")
            writer.uint32(42).string(message.id1);
        if (message.ruleName != null && $Object.hasOwnProperty.call(message, "ruleName") && message.ruleName !== "")
            writer.uint32(50).string(message.ruleName);
        if (message.alarmMessage != null && $Object.hasOwnProperty.call(message, "alarmMessage") && message.alarmMessage !== "")
            writer.uint32(58).string(message.alarmMessage);
        if (message.startTime != null && $Object.hasOwnProperty.call(message, "startTime") && (typeof message.startTime === "object" ? message.startTime.low || message.startTime.high : message.startTime !== 0))
            writer.uint32(64).int64(message.startTime);
        if (message.tags != null && $Object.hasOwnProperty.call(message, "tags"))
            $root.AlarmTags.encode(message.tags, writer.uint32(74).fork(), _depth + 1).ldelim();
        if (message.uuid != null && $Object.hasOwnProperty.call(message, "uuid") && message.uuid !== "")
            writer.uint32(82).string(message.uuid);
        if (message.recoveryTime != null && $Object.hasOwnProperty.call(message, "recoveryTime") && (typeof message.recoveryTime === "object" ? message.recoveryTime.low || message.recoveryTime.high : message.recoveryTime !== 0))
            writer.uint32(88).int64(message.recoveryTime);
        if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
            for (let i = 0; i < message.$unknowns.length; ++i)
                writer.raw(message.$unknowns[i]);
        return writer;
    };

    AlarmRecoveryMessage.decode = function (reader, length, _end, _depth, _target) {
        if (!(reader instanceof $Reader))
            reader = $Reader.create(reader);
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $Reader.recursionLimit)
            throw $Error("max depth exceeded");
        let end, message, value;
        if (length === $undefined)
            end = reader.len;
        else {
            end = reader.pos + length;
            if (end > reader.len)
                throw $RangeError("index out of range");
            length = reader.len;
            reader.len = end;
        }
        message = _target || new $root.AlarmRecoveryMessage();
        while (reader.pos < end) {
            let start = reader.pos;
            let tag = reader.tag();
            if (tag === _end) {
                _end = $undefined;
                break;
            }
            let wireType = tag & 7;
            switch (tag >>>= 3) {
            case 1: {
                    if (wireType !== 0)
                        break;
                    if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                        message.scopeId = value;
                    else
                        delete message.scopeId;
                    continue;
                }
            case 2: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.scope = value;
                    else
                        delete message.scope;
                    continue;
                }
            case 3: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.name = value;
                    else
                        delete message.name;
                    continue;
                }
            case 4: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.id0 = value;
                    else
                        delete message.id0;
                    continue;
                }
            case 5: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.id1 = value;
                    else
                        delete message.id1;
                    continue;
                }
            case 6: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.ruleName = value;
                    else
                        delete message.ruleName;
                    continue;
                }
            case 7: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.alarmMessage = value;
                    else
                        delete message.alarmMessage;
                    continue;
                }
            case 8: {
                    if (wireType !== 0)
                        break;
                    if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                        message.startTime = value;
                    else
                        delete message.startTime;
                    continue;
                }
            case 9: {
                    if (wireType !== 2)
                        break;
                    message.tags = $root.AlarmTags.decode(reader, reader.size(), $undefined, _depth + 1, message.tags);
                    continue;
                }
            case 10: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.uuid = value;
                    else
                        delete message.uuid;
                    continue;
                }
            case 11: {
                    if (wireType !== 0)
                        break;
                    if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                        message.recoveryTime = value;
                    else
                        delete message.recoveryTime;
                    continue;
                }
            }
            reader.skipType(wireType, _depth, tag);
            if (!reader.discardUnknown) {
                $util.makeProp(message, "$unknowns", false);
                (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
            }
        }
        if (length !== $undefined) {
            if (reader.pos !== end)
                throw $RangeError("index out of range");
            reader.len = length;
        }
        if (_end !== $undefined)
            throw $Error("missing end group");
        return message;
    };

    return AlarmRecoveryMessage;
})();

export const AlarmTags = $root.AlarmTags = (() => {

    const AlarmTags = function (properties) {
        this.data = [];
        if (properties)
            for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                if (properties[keys[i]] != null && keys[i] !== "__proto__")
                    this[keys[i]] = properties[keys[i]];
    };

    AlarmTags.prototype.data = $util.emptyArray;

    AlarmTags.encode = function (message, writer, _depth) {
        if (!writer)
            writer = $Writer.create();
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $util.recursionLimit)
            throw $Error("max depth exceeded");
        if (message.data != null && message.data.length)
            for (let i = 0; i < message.data.length; ++i)
                $root.KeyStringValuePair.encode(message.data[i], writer.uint32(10).fork(), _depth + 1).ldelim();
        if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
            for (let i = 0; i < message.$unknowns.length; ++i)
                writer.raw(message.$unknowns[i]);
        return writer;
    };

    AlarmTags.decode = function (reader, length, _end, _depth, _target) {
        if (!(reader instanceof $Reader))
            reader = $Reader.create(reader);
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $Reader.recursionLimit)
            throw $Error("max depth exceeded");
        let end, message;
        if (length === $undefined)
            end = reader.len;
        else {
            end = reader.pos + length;
            if (end > reader.len)
                throw $RangeError("index out of range");
            length = reader.len;
            reader.len = end;
        }
        message = _target || new $root.AlarmTags();
        while (reader.pos < end) {
            let start = reader.pos;
            let tag = reader.tag();
            if (tag === _end) {
                _end = $undefined;
                break;
            }
            let wireType = tag & 7;
            switch (tag >>>= 3) {
            case 1: {
                    if (wireType !== 2)
                        break;
                    if (!(message.data && message.data.length))
                        message.data = [];
                    message.data.push($root.KeyStringValuePair.decode(reader, reader.size(), $undefined, _depth + 1));
                    continue;
                }
            }
            reader.skipType(wireType, _depth, tag);
            if (!reader.discardUnknown) {
                $util.makeProp(message, "$unknowns", false);
                (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
            }
        }
        if (length !== $undefined) {
            if (reader.pos !== end)
                throw $RangeError("index out of range");
            reader.len = length;
        }
        if (_end !== $undefined)
            throw $Error("missing end group");
        return message;
    };

    return AlarmTags;
})();

export const KeyStringValuePair = $root.KeyStringValuePair = (() => {

    const KeyStringValuePair = function (properties) {
        if (properties)
            for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                if (properties[keys[i]] != null && keys[i] !== "__proto__")
                    this[keys[i]] = properties[keys[i]];
    };

    KeyStringValuePair.prototype.key = "";
    KeyStringValuePair.prototype.value = "";

    KeyStringValuePair.encode = function (message, writer, _depth) {
        if (!writer)
            writer = $Writer.create();
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $util.recursionLimit)
            throw $Error("max depth exceeded");
        if (message.key != null && $Object.hasOwnProperty.call(message, "key") && message.key !== "")
            writer.uint32(10).string(message.key);
        if (message.value != null && $Object.hasOwnProperty.call(message, "value") && message.value !== "")
            writer.uint32(18).string(message.value);
        if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
            for (let i = 0; i < message.$unknowns.length; ++i)
                writer.raw(message.$unknowns[i]);
        return writer;
    };

    KeyStringValuePair.decode = function (reader, length, _end, _depth, _target) {
        if (!(reader instanceof $Reader))
            reader = $Reader.create(reader);
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $Reader.recursionLimit)
            throw $Error("max depth exceeded");
        let end, message, value;
        if (length === $undefined)
            end = reader.len;
        else {
            end = reader.pos + length;
            if (end > reader.len)
                throw $RangeError("index out of range");
            length = reader.len;
            reader.len = end;
        }
        message = _target || new $root.KeyStringValuePair();
        while (reader.pos < end) {
            let start = reader.pos;
            let tag = reader.tag();
            if (tag === _end) {
                _end = $undefined;
                break;
            }
            let wireType = tag & 7;
            switch (tag >>>= 3) {
            case 1: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.key = value;
                    else
                        delete message.key;
                    continue;
                }
            case 2: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.value = value;
                    else
                        delete message.value;
                    continue;
                }
            }
            reader.skipType(wireType, _depth, tag);
            if (!reader.discardUnknown) {
                $util.makeProp(message, "$unknowns", false);
                (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
            }
        }
        if (length !== $undefined) {
            if (reader.pos !== end)
                throw $RangeError("index out of range");
            reader.len = length;
        }
        if (_end !== $undefined)
            throw $Error("missing end group");
        return message;
    };

    return KeyStringValuePair;
})();

export const Response = $root.Response = (() => {

    const Response = function (properties) {
        if (properties)
            for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                if (properties[keys[i]] != null && keys[i] !== "__proto__")
                    this[keys[i]] = properties[keys[i]];
    };

    Response.encode = function (message, writer, _depth) {
        if (!writer)
            writer = $Writer.create();
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $util.recursionLimit)
            throw $Error("max depth exceeded");
        if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
            for (let i = 0; i < message.$unknowns.length; ++i)
                writer.raw(message.$unknowns[i]);
        return writer;
    };

    Response.decode = function (reader, length, _end, _depth, _target) {
        if (!(reader instanceof $Reader))
            reader = $Reader.create(reader);
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $Reader.recursionLimit)
            throw $Error("max depth exceeded");
        let end, message;
        if (length === $undefined)
            end = reader.len;
        else {
            end = reader.pos + length;
            if (end > reader.len)
                throw $RangeError("index out of range");
            length = reader.len;
            reader.len = end;
        }
        message = _target || new $root.Response();
        while (reader.pos < end) {
            let start = reader.pos;
            let tag = reader.tag();
            if (tag === _end) {
                _end = $undefined;
                break;
            }
            reader.skipType(tag & 7, _depth, tag);
            if (!reader.discardUnknown) {
                $util.makeProp(message, "$unknowns", false);
                (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
            }
        }
        if (length !== $undefined) {
            if (reader.pos !== end)
                throw $RangeError("index out of range");
            reader.len = length;
        }
        if (_end !== $undefined)
            throw $Error("missing end group");
        return message;
    };

    return Response;
})();

export {
  $root as default
};
